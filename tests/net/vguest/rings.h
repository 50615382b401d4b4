/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VGUEST_RINGS_H
#define VGUEST_RINGS_H

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Guest memory, a memfd, with one receive and one transmit ring (virtio 1.1, split, 2.6) and a
 * fixed buffer for each descriptor. The driver's half: the switch is the device. Nothing the switch
 * writes is believed; a broken rule is reported on the link.
 *
 *   receive ring | transmit ring | 256 receive buffers | 256 transmit buffers | free, for tests
 */
#define RING_SIZE    256
#define RING_BYTES   16384
#define HDR_SIZE     sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define FRAME_MAX    9216
#define TX_SLOT      10240
#define RX_SLOT_MAX  4096
#define RX_OFFSET    (2 * RING_BYTES)
#define TX_OFFSET    (RX_OFFSET + RING_SIZE * RX_SLOT_MAX)
#define MEMORY_SIZE  ((size_t)8 << 20)
/* Its guest physical address: unlike any pointer of ours. */
#define MEMORY_GUEST UINT64_C(0x40000000)
/* A bit for each page up to its end. */
#define LOG_BYTES    ((MEMORY_GUEST + MEMORY_SIZE) / 4096 / 8)

enum { RX, TX, N_QUEUES };

struct queue {
	struct vring ring;
	uint16_t avail_idx; /* next to publish */
	uint16_t used_seen; /* next used element to look at */
	int kick, call;     /* eventfds: ours to the switch, the switch's to us */
};

struct rings {
	int memory_fd;
	uint8_t *memory;
	struct queue queue[N_QUEUES];
	uint32_t rx_size; /* bytes of a receive buffer offered to the switch */
	bool mergeable;   /* VIRTIO_NET_F_MRG_RXBUF was negotiated */
	bool sink;        /* count received frames, do not deliver them */
	uint16_t tx_free[RING_SIZE], n_tx_free;
	uint64_t n_rx, n_tx;
};

/* Offers every receive buffer; rx_size in 1..RX_SLOT_MAX. Ends the process on failure. */
void rings_init(struct rings *rings, uint32_t rx_size);

/* Where the switch is to go on when it connects (again): as QEMU does, at the used index. */
uint16_t rings_base(const struct rings *rings, int index);

/* Wakes the switch, if it wants to be woken. */
void rings_kick(const struct rings *rings, int index);

/* Delivers frames to the test. Their number; *open is false if more wait until the test reads. */
unsigned rings_receive(struct rings *rings, bool *open);

/* Takes back what the switch has transmitted. */
void rings_reclaim(struct rings *rings);

/* Offers a frame, with a header of the caller's (HDR_SIZE bytes) or, NULL, of zeros. Needs
 * n_tx_free > 0. */
void rings_transmit(struct rings *rings, const uint8_t *hdr, const uint8_t *frame, size_t size);

/* Writes descriptors { index:u16, struct vring_desc }... as they come, and offers `head`. */
void rings_offer_raw(
	struct rings *rings, int index, uint16_t head, const uint8_t *rows, size_t size);

#endif
