/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef API_SOCKET_H
#define API_SOCKET_H

#include <sys/stat.h>
#include <sys/un.h>

#include "base/error.h"

/* A listening Unix socket and the file that names it. */
struct socket_listener {
	int fd;
	struct sockaddr_un address;
	dev_t dev; /* of the file, so that only our own is removed */
	ino_t ino;
};

/* Nonblocking, mode 0660. 0 or a negative errno with the sentence: -EADDRINUSE when somebody
 * answers there, -EEXIST when the path is no socket. */
int socket_listen(const char *path, int backlog, struct socket_listener *out, struct error *err);
/* Remove the file if it is still ours. The fd is the caller's. */
void socket_unlink(const struct socket_listener *s);

#endif
