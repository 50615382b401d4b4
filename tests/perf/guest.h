/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A null guest: a virtio network device's driver that takes frames and looks at none. It offers a
 * full ring of 1,024 buffers of 2 KiB and hands used ones back a quarter ring at a time. Buffer k
 * always sits in ring slot k, so handing back is one store to the available index: this is the
 * cheapest sink that a split ring allows, and it leaves the switch to be the limit. It holds for
 * switches that use buffers in the order offered; the guest checks one element of every quarter
 * and counts what is out of order.
 *
 * One thread owns a guest.
 */
#ifndef PERF_GUEST_H
#define PERF_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GUEST_RING = 1024,
	GUEST_QUARTER = GUEST_RING / 4,
	GUEST_BURST = 32, /* with fewer free buffers than this a switch has to drop */
};

struct guest_counts {
	uint64_t frames;     /* handed back; the switch may have written a ring more */
	uint64_t n_polls;    /* looks at the used index */
	uint64_t n_empty;    /* of these, with less than a quarter ring to hand back */
	uint64_t n_disorder; /* hand-backs whose last element was not the expected one */
	/* Time before polls that found the ring (nearly) full: at most so long it was the limit. */
	uint64_t dry_ns;
};

/*
 * What --verify sees. Order is judged by the source's frame numbers, which count up modulo its
 * period.
 */
struct guest_verdict {
	uint64_t n_stream;
	uint64_t n_other;
	uint64_t n_bad;     /* harmed frames, and used elements that no switch may write */
	uint64_t n_foreign; /* stream frames of groups that the guest did not join */
	uint64_t n_gaps;    /* places where one or more frames were lost */
};

struct guest_verify {
	unsigned int n_groups;
	unsigned int period; /* 0: do not verify */
	unsigned int stride; /* between two numbers of the source, 1 or more */
	uint16_t vlan;       /* the tag that this guest's frames carry, 0: none */
};

struct guest;

/*
 * Connects to the switch's socket, shares memory and starts both rings. NULL and errno on failure.
 * hugetlb: back it by huge pages.
 */
struct guest *guest_create(const char *path, bool hugetlb);
void guest_destroy(struct guest *guest);

/*
 * Hands back whole quarters. now_ns and the previous poll's time bound how long the ring may have
 * been dry.
 */
void guest_poll(struct guest *guest, uint64_t now_ns, uint64_t previous_ns,
	const struct guest_verify *verify);

/*
 * Sends one frame; false if the transmit ring is full, as it stays with a back-end that never
 * reads it.
 */
bool guest_send(struct guest *guest, const uint8_t *frame, size_t size);

const struct guest_counts *guest_counts(const struct guest *guest);
const struct guest_verdict *guest_verdict(const struct guest *guest);

/*
 * Has the ring got a frame with this number since guest_look_from? Looks at each new frame once;
 * `n` counts those with the number. For rates at which a look at every frame is no burden.
 */
void guest_look_from(struct guest *guest);
bool guest_look(struct guest *guest, unsigned int number, unsigned int *n);

/* Frames that the switch has written since the start, handed back or not. */
uint64_t guest_written(const struct guest *guest);

/* Has the switch closed the connection? */
bool guest_is_lost(const struct guest *guest);

#endif
