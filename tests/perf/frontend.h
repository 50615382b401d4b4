/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The front-end half of vhost-user, as far as a network device with two split rings needs it: what
 * QEMU would say to the switch. https://qemu-project.gitlab.io/qemu/interop/vhost-user.html
 *
 * One thread uses a front-end. Every call blocks for at most five seconds.
 */
#ifndef PERF_FRONTEND_H
#define PERF_FRONTEND_H

#include <stddef.h>
#include <stdint.h>

struct frontend_ring {
	unsigned int index; /* 0: the guest receives; 1: the guest sends */
	unsigned int n_entries;
	void *desc;
	void *avail;
	void *used;
	int kick_fd;
	int call_fd;
};

/* Connects to the switch's socket. Returns a descriptor or -errno. */
int frontend_connect(const char *path);

/*
 * Agrees on features: VERSION_1 and MRG_RXBUF, nothing that needs a checksum or an interrupt.
 * Returns 0, -EPROTO if the switch breaks the protocol, -ENOTSUP if it does not offer both, or
 * -errno.
 */
int frontend_negotiate(int fd);

/*
 * Shares `size` bytes of mem_fd, mapped here at `base`, as guest memory from address `guest_addr`
 * on. 0 or -errno.
 */
int frontend_share_memory(int fd, int mem_fd, void *base, size_t size, uint64_t guest_addr);

/* Describes a ring and enables it. The ring lies in shared memory. 0 or -errno. */
int frontend_start_ring(int fd, const struct frontend_ring *ring);

/* Has the switch closed the connection? */
int frontend_is_lost(int fd);

#endif
