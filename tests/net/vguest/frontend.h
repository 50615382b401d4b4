/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VGUEST_FRONTEND_H
#define VGUEST_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rings;

/*
 * The front end of a vhost-user connection: who connects, what is negotiated, in QEMU's order of
 * messages. Tells the test of "up" and "down"; a lost connection is made anew, with the same
 * memory.
 */
struct frontend {
	/* set by the caller */
	const char *path;
	bool listens;    /* this guest owns the socket */
	bool reconnects; /* false: finished when the connection ends */
	uint64_t want_features;
	struct rings *rings;
	/* read by the caller */
	int conn;     /* -1: none */
	int listener; /* -1: none */
	bool up, finished;
	uint64_t offered, features, protocol;
	uint64_t n_connections;
};

/* The features acknowledged by default, where offered. */
uint64_t frontend_default_features(void);

/* Binds the socket, if this guest owns it. Ends the process on failure. */
void frontend_open(struct frontend *frontend);

/* What to wait on for input: the connection or the listener; -1 while there is neither. */
int frontend_fd(const struct frontend *frontend);

/* Handles input, or, where there is nothing to wait on, tries to connect. */
void frontend_run(struct frontend *frontend, bool readable);

/* Stops the rings and ends the connection, as QEMU does when its machine ends. */
void frontend_close(struct frontend *frontend);

/* Any message; its answer goes to the link. Requests that take a descriptor carry the memory's. */
void frontend_say_raw(struct frontend *frontend, const uint8_t *body, size_t size);

#endif
