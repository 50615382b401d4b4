/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"

#define MAX_GROUPS 256 /* of a process; who has more is known by the first ones */

/* A name that is all digits is a number: names of users begin otherwise. */
static bool is_number(const char *name, unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(name, &end, 10);
	return *end == '\0' && errno == 0 && *out < UINT32_MAX;
}

static int user_find(const char *name, uid_t *out, struct error *err)
{
	const struct passwd *user;
	unsigned long number;

	if (is_number(name, &number)) {
		*out = (uid_t)number;
		return 0;
	}
	user = getpwnam(name);
	if (user == NULL)
		return error_set(err, -ENOENT, "control: owner: there is no user named %s", name);
	*out = user->pw_uid;
	return 0;
}

static int group_find(const char *key, const char *name, gid_t *out, struct error *err)
{
	const struct group *group;
	unsigned long number;

	if (is_number(name, &number)) {
		*out = (gid_t)number;
		return 0;
	}
	group = getgrnam(name);
	if (group == NULL)
		return error_set(
			err, -ENOENT, "control: %s: there is no group named %s", key, name);
	*out = group->gr_gid;
	return 0;
}

int access_resolve(const struct conf_control *who, struct access *out, struct error *err)
{
	int rc = 0;

	*out = (struct access){.owner = geteuid(), .group = getegid()};
	out->asks = who->read_group[0] != '\0';
	if (who->owner[0] != '\0')
		rc = user_find(who->owner, &out->owner, err);
	if (rc == 0 && who->group[0] != '\0')
		rc = group_find("group", who->group, &out->group, err);
	if (rc == 0 && out->asks)
		rc = group_find("read_group", who->read_group, &out->read_group, err);
	return rc;
}

int access_apply(const struct access *a, const char *path, struct error *err)
{
	uid_t owner = a->owner != geteuid() ? a->owner : (uid_t)-1;
	gid_t group = a->group != getegid() ? a->group : (gid_t)-1;
	int rc = 0;

	if ((owner != (uid_t)-1 || group != (gid_t)-1) && lchown(path, owner, group) < 0)
		rc = -errno;
	if (rc == 0 && a->asks && chmod(path, 0666) < 0)
		rc = -errno;
	if (rc == 0)
		return 0;
	return error_set(err, rc,
		"%s: cannot be given to its owner and group: %s; the switch must be in the group, "
		"or have the capability chown",
		path, strerror(-rc));
}

static bool is_in(gid_t group, gid_t own, const gid_t *groups, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (groups[i] == group)
			return true;
	}
	return own == group;
}

enum access_verdict access_of(const struct access *a, int fd)
{
	gid_t groups[MAX_GROUPS];
	socklen_t size = sizeof(struct ucred), n_octets = sizeof(groups);
	struct ucred peer;
	size_t n = 0;

	if (!a->asks)
		return ACCESS_WRITE;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return ACCESS_NONE;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n_octets) == 0)
		n = n_octets / sizeof(groups[0]);
	if (peer.uid == 0 || peer.uid == geteuid() || peer.uid == a->owner ||
		is_in(a->group, peer.gid, groups, n))
		return ACCESS_WRITE;
	return is_in(a->read_group, peer.gid, groups, n) ? ACCESS_READ : ACCESS_NONE;
}
