/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "api/rpc.h"
#include "base/error.h"

/*
 * Who may connect to a socket, and what he may do then. Without a read_group the kernel decides: mode
 * 0660, and who may connect may do everything. With one, everybody may knock (0666) and the kernel says
 * who it is (SO_PEERCRED, SO_PEERGROUPS): the groups of a process as of its connect().
 */
struct conf_control;

struct access {
	bool asks; /* a read_group is given */
	uid_t owner;
	gid_t group, read_group; /* group: the process's own where none is given */
};

/* Names to numbers. 0, or -ENOENT with a sentence. */
int access_resolve(const struct conf_control *who, struct access *out, struct error *err);

/* Give the file of a listening socket its owner, group and mode. 0 or a negative errno with a sentence. */
int access_apply(const struct access *a, const char *path, struct error *err);

enum access_verdict { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE };

/* Of the peer of a connected socket. */
enum access_verdict access_of(const struct access *a, int fd);

#endif
