/* SPDX-License-Identifier: BSD-3-Clause */
#include "feeder.h"

#include "frame.h"
#include "frontend.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* The shared memory, one region: both rings, then transmit buffers, then receive buffers. */
enum {
	RX_DESC = 0,
	RX_AVAIL = 16 << 10,
	RX_USED = 20 << 10,
	TX_DESC = 32 << 10,
	TX_AVAIL = 48 << 10,
	TX_USED = 52 << 10,
	TX_BUFFERS = 1 << 20,
	RX_BUFFERS = 3 << 20,
	RX_RING = 256,
	MEMORY_SIZE = 4 << 20,
	BUFFER_SIZE = 2048,
	HEADER_SIZE = sizeof(struct virtio_net_hdr_mrg_rxbuf),
};

static const uint64_t feeder_addr = 0x40000000;

struct feeder {
	struct feeder_load load;
	uint8_t *memory;
	struct vring_avail *rx_avail;
	struct vring_used *rx_used;
	struct vring_avail *tx_avail;
	struct vring_used *tx_used;
	uint64_t sent;  /* frames offered */
	uint64_t taken; /* of these, as far as feeder_taken has seen */
	int fd;
	int mem_fd;
	int event_fd[4]; /* kick and call of either ring */
};

static void frame_fill(struct feeder *feeder, unsigned int slot)
{
	uint8_t *buffer = feeder->memory + TX_BUFFERS + (size_t)slot * BUFFER_SIZE;
	const struct feeder_load *load = &feeder->load;
	unsigned int number = slot % load->n_frames * load->stride;

	if (load->to == FEEDER_TO_GROUPS)
		frame_stream_build(buffer + HEADER_SIZE, load->size, number);
	else
		frame_unicast_build(
			buffer + HEADER_SIZE, load->size, number, (unsigned int)load->to);
}

static void rings_fill(struct feeder *feeder)
{
	struct vring_desc *rx = (void *)(feeder->memory + RX_DESC);
	struct vring_desc *tx = (void *)(feeder->memory + TX_DESC);

	feeder->rx_avail = (void *)(feeder->memory + RX_AVAIL);
	feeder->rx_used = (void *)(feeder->memory + RX_USED);
	feeder->tx_avail = (void *)(feeder->memory + TX_AVAIL);
	feeder->tx_used = (void *)(feeder->memory + TX_USED);
	for (unsigned int i = 0; i < RX_RING; i++) {
		rx[i] = (struct vring_desc){.addr = feeder_addr + RX_BUFFERS + i * BUFFER_SIZE,
			.len = BUFFER_SIZE,
			.flags = VRING_DESC_F_WRITE};
		feeder->rx_avail->ring[i] = i;
	}
	for (unsigned int i = 0; i < FEEDER_RING; i++) {
		tx[i] = (struct vring_desc){.addr = feeder_addr + TX_BUFFERS + i * BUFFER_SIZE,
			.len = HEADER_SIZE + feeder->load.size};
		feeder->tx_avail->ring[i] = i;
		frame_fill(feeder, i);
	}
	feeder->rx_avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	feeder->tx_avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	feeder->rx_avail->idx = RX_RING;
}

static int memory_create(struct feeder *feeder, bool hugetlb)
{
	feeder->mem_fd = memfd_create("feeder", MFD_CLOEXEC | (hugetlb ? MFD_HUGETLB : 0));
	if (feeder->mem_fd < 0 || ftruncate(feeder->mem_fd, MEMORY_SIZE) < 0)
		return -errno;
	feeder->memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, feeder->mem_fd, 0);
	if (feeder->memory == MAP_FAILED) {
		feeder->memory = NULL;
		return -errno;
	}
	memset(feeder->memory, 0, MEMORY_SIZE);
	rings_fill(feeder);
	return 0;
}

static int rings_start(struct feeder *feeder)
{
	struct frontend_ring rings[2] = {
		{.index = 0,
			.n_entries = RX_RING,
			.desc = feeder->memory + RX_DESC,
			.avail = feeder->rx_avail,
			.used = feeder->rx_used},
		{.index = 1,
			.n_entries = FEEDER_RING,
			.desc = feeder->memory + TX_DESC,
			.avail = feeder->tx_avail,
			.used = feeder->tx_used},
	};

	for (int i = 0; i < 2; i++) {
		int ret;

		for (int k = 0; k < 2; k++) {
			feeder->event_fd[2 * i + k] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
			if (feeder->event_fd[2 * i + k] < 0)
				return -errno;
		}
		rings[i].kick_fd = feeder->event_fd[2 * i];
		rings[i].call_fd = feeder->event_fd[2 * i + 1];
		ret = frontend_start_ring(feeder->fd, &rings[i]);
		if (ret < 0)
			return ret;
	}
	return 0;
}

struct feeder *feeder_create(const char *path, const struct feeder_load *load, bool hugetlb)
{
	struct feeder *feeder = calloc(1, sizeof(*feeder));
	int ret;

	if (!feeder)
		return NULL;
	feeder->load = *load;
	feeder->mem_fd = -1;
	for (int i = 0; i < 4; i++)
		feeder->event_fd[i] = -1;
	feeder->fd = ret = frontend_connect(path);
	if (ret >= 0)
		ret = memory_create(feeder, hugetlb);
	if (ret >= 0)
		ret = frontend_negotiate(feeder->fd);
	if (ret >= 0)
		ret = frontend_share_memory(
			feeder->fd, feeder->mem_fd, feeder->memory, MEMORY_SIZE, feeder_addr);
	if (ret >= 0)
		ret = rings_start(feeder);
	if (ret < 0) {
		feeder_destroy(feeder);
		errno = -ret;
		return NULL;
	}
	return feeder;
}

void feeder_destroy(struct feeder *feeder)
{
	if (!feeder)
		return;
	if (feeder->fd >= 0)
		close(feeder->fd);
	for (int i = 0; i < 4; i++) {
		if (feeder->event_fd[i] >= 0)
			close(feeder->event_fd[i]);
	}
	if (feeder->memory)
		munmap(feeder->memory, MEMORY_SIZE);
	if (feeder->mem_fd >= 0)
		close(feeder->mem_fd);
	free(feeder);
}

uint64_t feeder_taken(struct feeder *feeder)
{
	uint16_t used = __atomic_load_n(&feeder->tx_used->idx, __ATOMIC_ACQUIRE);

	feeder->taken += (uint16_t)(used - (uint16_t)feeder->taken);
	return feeder->taken;
}

unsigned int feeder_waiting(struct feeder *feeder)
{
	return (unsigned int)(feeder->sent - feeder_taken(feeder));
}

unsigned int feeder_send(struct feeder *feeder, unsigned int max)
{
	unsigned int room = FEEDER_RING - feeder_waiting(feeder);
	unsigned int n = max < room ? max : room;

	if (n == 0)
		return 0;
	feeder->sent += n;
	__atomic_store_n(&feeder->tx_avail->idx, (uint16_t)feeder->sent, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&feeder->tx_used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY))
		eventfd_write(feeder->event_fd[2], 1);
	return n;
}

unsigned int feeder_last(const struct feeder *feeder)
{
	return (unsigned int)((feeder->sent - 1) % feeder->load.n_frames) * feeder->load.stride;
}

void feeder_drain(struct feeder *feeder)
{
	uint16_t used = __atomic_load_n(&feeder->rx_used->idx, __ATOMIC_ACQUIRE);

	__atomic_store_n(&feeder->rx_avail->idx, (uint16_t)(used + RX_RING), __ATOMIC_RELEASE);
}
