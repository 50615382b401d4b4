/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest.h"

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

/* The shared memory, one region a guest: both rings in the first MiB, then the receive buffers. */
enum {
	RX_DESC = 0,
	RX_AVAIL = 16 << 10,
	RX_USED = 20 << 10,
	TX_DESC = 32 << 10,
	TX_AVAIL = 36 << 10,
	TX_USED = 40 << 10,
	TX_BUFFERS = 64 << 10,
	RX_BUFFERS = 1 << 20,
	MEMORY_SIZE = 4 << 20,
	TX_RING = 64,
	BUFFER_SIZE = 2048,
	HEADER_SIZE = sizeof(struct virtio_net_hdr_mrg_rxbuf),
	TAG_OFFSET = 12,
	TAG_SIZE = 4,
};

static const uint64_t guest_addr = 0x40000000;

struct guest {
	uint8_t *memory;
	struct vring_desc *rx_desc;
	struct vring_avail *rx_avail;
	struct vring_used *rx_used;
	struct vring_desc *tx_desc;
	struct vring_avail *tx_avail;
	struct vring_used *tx_used;
	struct guest_counts counts;
	struct guest_verdict verdict;
	unsigned int next_number; /* the stream frame expected next */
	uint16_t returned;        /* used index up to which buffers were handed back */
	uint16_t sent;            /* the transmit ring's available index */
	uint16_t looked;          /* used index up to which guest_look has looked */
	int fd;
	int mem_fd;
	int kick_fd[2];
	int call_fd[2];
};

static void rings_fill(struct guest *guest)
{
	guest->rx_desc = (void *)(guest->memory + RX_DESC);
	guest->rx_avail = (void *)(guest->memory + RX_AVAIL);
	guest->rx_used = (void *)(guest->memory + RX_USED);
	guest->tx_desc = (void *)(guest->memory + TX_DESC);
	guest->tx_avail = (void *)(guest->memory + TX_AVAIL);
	guest->tx_used = (void *)(guest->memory + TX_USED);

	for (unsigned int i = 0; i < GUEST_RING; i++) {
		guest->rx_desc[i] = (struct vring_desc){
			.addr = guest_addr + RX_BUFFERS + i * BUFFER_SIZE,
			.len = BUFFER_SIZE,
			.flags = VRING_DESC_F_WRITE,
		};
		guest->rx_avail->ring[i] = i;
	}
	for (unsigned int i = 0; i < TX_RING; i++) {
		guest->tx_desc[i].addr = guest_addr + TX_BUFFERS + i * BUFFER_SIZE;
		guest->tx_avail->ring[i] = i;
	}
	guest->rx_avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	guest->tx_avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	guest->rx_avail->idx = GUEST_RING;
}

static int memory_create(struct guest *guest, bool hugetlb)
{
	guest->mem_fd = memfd_create("nullguest", MFD_CLOEXEC | (hugetlb ? MFD_HUGETLB : 0));
	if (guest->mem_fd < 0)
		return -errno;
	if (ftruncate(guest->mem_fd, MEMORY_SIZE) < 0)
		return -errno;
	guest->memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, guest->mem_fd, 0);
	if (guest->memory == MAP_FAILED) {
		guest->memory = NULL;
		return -errno;
	}
	memset(guest->memory, 0, MEMORY_SIZE);
	rings_fill(guest);
	return 0;
}

static int rings_start(struct guest *guest)
{
	struct frontend_ring rings[2] = {
		{.index = 0,
			.n_entries = GUEST_RING,
			.desc = guest->rx_desc,
			.avail = guest->rx_avail,
			.used = guest->rx_used},
		{.index = 1,
			.n_entries = TX_RING,
			.desc = guest->tx_desc,
			.avail = guest->tx_avail,
			.used = guest->tx_used},
	};

	for (int i = 0; i < 2; i++) {
		int ret;

		guest->kick_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		guest->call_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (guest->kick_fd[i] < 0 || guest->call_fd[i] < 0)
			return -errno;
		rings[i].kick_fd = guest->kick_fd[i];
		rings[i].call_fd = guest->call_fd[i];
		ret = frontend_start_ring(guest->fd, &rings[i]);
		if (ret < 0)
			return ret;
	}
	return 0;
}

struct guest *guest_create(const char *path, bool hugetlb)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	int ret;

	if (!guest)
		return NULL;
	guest->mem_fd = guest->kick_fd[0] = guest->kick_fd[1] = guest->call_fd[0] =
		guest->call_fd[1] = -1;
	guest->fd = ret = frontend_connect(path);
	if (ret >= 0)
		ret = memory_create(guest, hugetlb);
	if (ret >= 0)
		ret = frontend_negotiate(guest->fd);
	if (ret >= 0)
		ret = frontend_share_memory(
			guest->fd, guest->mem_fd, guest->memory, MEMORY_SIZE, guest_addr);
	if (ret >= 0)
		ret = rings_start(guest);
	if (ret < 0) {
		guest_destroy(guest);
		errno = -ret;
		return NULL;
	}
	return guest;
}

static void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

void guest_destroy(struct guest *guest)
{
	if (!guest)
		return;
	fd_close(guest->fd);
	for (int i = 0; i < 2; i++) {
		fd_close(guest->kick_fd[i]);
		fd_close(guest->call_fd[i]);
	}
	if (guest->memory)
		munmap(guest->memory, MEMORY_SIZE);
	fd_close(guest->mem_fd);
	free(guest);
}

/* Takes away the tag that the frame must have; false if it has another one, or none. */
static bool tag_take(uint8_t *frame, size_t *size, uint16_t vlan)
{
	if (vlan == 0)
		return true;
	if (*size < TAG_OFFSET + TAG_SIZE || frame[TAG_OFFSET] != 0x81 ||
		(frame[TAG_OFFSET + 2] << 8 | frame[TAG_OFFSET + 3]) != vlan)
		return false;
	*size -= TAG_SIZE;
	memmove(frame + TAG_OFFSET, frame + TAG_OFFSET + TAG_SIZE, *size - TAG_OFFSET);
	return true;
}

/*
 * One used element of verify mode: the buffer expected, one buffer a frame, the frame unharmed and
 * next in order.
 */
static void element_verify(struct guest *guest, uint16_t at, const struct guest_verify *verify)
{
	const struct vring_used_elem *elem = &guest->rx_used->ring[at % GUEST_RING];
	const struct virtio_net_hdr_mrg_rxbuf *header;
	uint8_t *buffer = guest->memory + RX_BUFFERS + (size_t)(at % GUEST_RING) * BUFFER_SIZE;
	unsigned int number;
	size_t size;

	header = (const void *)buffer;
	if (elem->id != at % GUEST_RING || elem->len < HEADER_SIZE || elem->len > BUFFER_SIZE ||
		header->num_buffers != 1 || header->hdr.flags) {
		guest->verdict.n_bad++;
		return;
	}
	size = elem->len - HEADER_SIZE;
	if (!tag_take(buffer + HEADER_SIZE, &size, verify->vlan)) {
		guest->verdict.n_bad++;
		return;
	}
	switch (frame_stream_check(buffer + HEADER_SIZE, size, &number)) {
	case FRAME_OTHER:
		guest->verdict.n_other++;
		return;
	case FRAME_BAD:
		guest->verdict.n_bad++;
		return;
	case FRAME_STREAM:
		break;
	}
	if (number >= verify->n_groups)
		guest->verdict.n_foreign++;
	if (number != guest->next_number && guest->verdict.n_stream > 0)
		guest->verdict.n_gaps++;
	guest->verdict.n_stream++;
	guest->next_number = (number + verify->stride) % (verify->period * verify->stride);
}

void guest_poll(struct guest *guest, uint64_t now_ns, uint64_t previous_ns,
	const struct guest_verify *verify)
{
	uint16_t used = __atomic_load_n(&guest->rx_used->idx, __ATOMIC_ACQUIRE);
	uint16_t n = used - guest->returned;

	guest->counts.n_polls++;
	if (n > GUEST_RING - GUEST_BURST)
		guest->counts.dry_ns += now_ns - previous_ns;
	n -= n % GUEST_QUARTER;
	if (n == 0) {
		guest->counts.n_empty++;
		return;
	}
	if (verify->period > 0) {
		for (uint16_t i = 0; i < n; i++)
			element_verify(guest, guest->returned + i, verify);
	}
	guest->returned += n;
	if (guest->rx_used->ring[(uint16_t)(guest->returned - 1) % GUEST_RING].id !=
		(uint16_t)(guest->returned - 1) % GUEST_RING)
		guest->counts.n_disorder++;
	guest->counts.frames += n;
	__atomic_store_n(
		&guest->rx_avail->idx, (uint16_t)(guest->returned + GUEST_RING), __ATOMIC_RELEASE);
}

bool guest_send(struct guest *guest, const uint8_t *frame, size_t size)
{
	uint16_t used = __atomic_load_n(&guest->tx_used->idx, __ATOMIC_ACQUIRE);
	unsigned int slot = guest->sent % TX_RING;
	uint8_t *buffer = guest->memory + TX_BUFFERS + (size_t)slot * BUFFER_SIZE;

	if ((uint16_t)(guest->sent - used) >= TX_RING)
		return false;
	memset(buffer, 0, HEADER_SIZE);
	memcpy(buffer + HEADER_SIZE, frame, size);
	guest->tx_desc[slot].len = HEADER_SIZE + size;
	guest->sent++;
	__atomic_store_n(&guest->tx_avail->idx, guest->sent, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&guest->tx_used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY))
		eventfd_write(guest->kick_fd[1], 1);
	return true;
}

void guest_look_from(struct guest *guest)
{
	guest->looked = __atomic_load_n(&guest->rx_used->idx, __ATOMIC_ACQUIRE);
}

bool guest_look(struct guest *guest, unsigned int number, unsigned int *n)
{
	uint16_t used = __atomic_load_n(&guest->rx_used->idx, __ATOMIC_ACQUIRE);

	*n = 0;
	for (; guest->looked != used; guest->looked++) {
		const uint8_t *buffer = guest->memory + RX_BUFFERS +
					(size_t)(guest->looked % GUEST_RING) * BUFFER_SIZE;

		*n += frame_number(buffer + HEADER_SIZE) == (long)number;
	}
	return *n > 0;
}

const struct guest_counts *guest_counts(const struct guest *guest)
{
	return &guest->counts;
}

const struct guest_verdict *guest_verdict(const struct guest *guest)
{
	return &guest->verdict;
}

uint64_t guest_written(const struct guest *guest)
{
	uint16_t used = __atomic_load_n(&guest->rx_used->idx, __ATOMIC_ACQUIRE);

	return guest->counts.frames + (uint16_t)(used - guest->returned);
}

bool guest_is_lost(const struct guest *guest)
{
	return frontend_is_lost(guest->fd);
}
