/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

/* Lock the directory of path, made first if it is missing. The lock makes "nobody answers, so
 * replace it" one step against another switch that starts now. Returns a fd or a negative errno. */
static int directory_lock(const char *path, struct error *err)
{
	char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *dir;
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	dir = dirname(copy);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST && errno != EROFS)
		return error_set(err, -errno, "%s: cannot make the directory %s: %s", path, dir,
			strerror(errno));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "%s: cannot open the directory %s: %s", path, dir,
			strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return error_set(err, -EADDRINUSE,
		"%s: another program holds %s locked; is another mcswitch starting?", path, dir);
}

/* 0: a socket nobody answers. */
static int stale_check(const struct sockaddr_un *address, struct error *err)
{
	const char *path = address->sun_path;
	int fd, rc;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "%s: socket: %s", path, strerror(errno));
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	close(fd);
	if (rc == -ECONNREFUSED || rc == -ENOENT)
		return 0;
	if (rc == 0 || rc == -EAGAIN)
		return error_set(err, -EADDRINUSE,
			"%s: another mcswitch answers there; stop it, or set another "
			"control_socket",
			path);
	return error_set(err, rc, "%s: cannot tell whether it is in use: %s", path, strerror(-rc));
}

static int stale_remove(const struct sockaddr_un *address, struct error *err)
{
	const char *path = address->sun_path;
	struct stat st;
	int rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0
				       : error_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST,
			"%s: exists and is no socket; remove it, or set another control_socket",
			path);
	rc = stale_check(address, err);
	if (rc < 0)
		return rc;
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, -errno, "%s: cannot replace the old socket: %s", path,
			strerror(errno));
	return 0;
}

/* The mode is right from the first moment: the mask says so, not a chmod afterwards. */
static int bind_masked(int fd, const struct sockaddr_un *address)
{
	mode_t old = umask(0117);
	int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(old);
	return rc;
}

static int bind_listen(struct socket_listener *s, int backlog, struct error *err)
{
	struct stat st;
	int rc;

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return error_set(
			err, -errno, "%s: socket: %s", s->address.sun_path, strerror(errno));
	rc = bind_masked(s->fd, &s->address);
	if (rc < 0)
		goto close_socket;
	if (listen(s->fd, backlog) < 0 || lstat(s->address.sun_path, &st) < 0) {
		rc = -errno;
		goto unlink_path;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;

unlink_path:
	unlink(s->address.sun_path);
close_socket:
	close(s->fd);
	return error_set(err, rc, "%s: cannot listen: %s", s->address.sun_path, strerror(-rc));
}

int socket_listen(const char *path, int backlog, struct socket_listener *out, struct error *err)
{
	int dir, rc;

	*out = (struct socket_listener){.fd = -1, .address = {.sun_family = AF_UNIX}};
	if (path[0] == '\0' || strlen(path) >= sizeof(out->address.sun_path))
		return error_set(err, -ENAMETOOLONG,
			"'%s' is no path for a socket: expected 1 to %zu characters", path,
			sizeof(out->address.sun_path) - 1);
	memcpy(out->address.sun_path, path, strlen(path) + 1);
	dir = directory_lock(path, err);
	if (dir < 0)
		return dir;
	rc = stale_remove(&out->address, err);
	if (rc == 0)
		rc = bind_listen(out, backlog, err);
	close(dir);
	return rc;
}

void socket_unlink(const struct socket_listener *s)
{
	struct stat st;

	if (lstat(s->address.sun_path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->address.sun_path);
}
