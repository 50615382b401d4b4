/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_RING_FAULT_H
#define PORT_RING_FAULT_H

/*
 * What a guest, or its front-end, can do wrong so that a ring is of no use any more. Name, and a
 * sentence for people.
 */
#define RING_FAULTS(X)                                                                            \
	X(RING_OK, "nothing is wrong")                                                            \
	X(RING_FAULT_REGIONS, "the memory table has empty, overlapping or too many regions")      \
	X(RING_FAULT_SIZE, "the ring has a size that virtio does not allow")                      \
	X(RING_FAULT_AREA, "the ring lies outside the guest's memory, or is not aligned")         \
	X(RING_FAULT_BASE, "the ring is to start at an index that it cannot have")                \
	X(RING_FAULT_AVAIL, "the guest offers more buffers than the ring holds")                  \
	X(RING_FAULT_INDEX, "a descriptor's index is beyond its table")                           \
	X(RING_FAULT_LOOP, "a chain of descriptors is too long, or a loop")                       \
	X(RING_FAULT_UNENDED, "a chain of descriptors goes on where none is offered")             \
	X(RING_FAULT_EMPTY, "a descriptor has no length")                                         \
	X(RING_FAULT_ADDRESS, "a buffer lies outside the guest's memory")                         \
	X(RING_FAULT_DIRECTION, "a buffer to write into is read-only, or one to read is not")     \
	X(RING_FAULT_INDIRECT, "an indirect table was not negotiated or has a bad size or place") \
	X(RING_FAULT_NESTED, "an indirect table points to another, or goes on after itself")      \
	X(RING_FAULT_RUNT, "a receive buffer is smaller than the header of a frame")

#define RING_FAULT_NAME(name, sentence) name,
enum ring_fault { RING_FAULTS(RING_FAULT_NAME) RING_N_FAULTS };
#undef RING_FAULT_NAME

const char *ring_fault_name(enum ring_fault fault);
const char *ring_fault_sentence(enum ring_fault fault);

#endif
