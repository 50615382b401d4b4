/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "link.h"
#include "rings.h"

static void publish(struct queue *queue, uint16_t head)
{
	queue->ring.avail->ring[queue->avail_idx % RING_SIZE] = htole16(head);
	queue->avail_idx++;
	__atomic_store_n(&queue->ring.avail->idx, htole16(queue->avail_idx), __ATOMIC_RELEASE);
}

static uint16_t n_used(const struct queue *queue)
{
	uint16_t idx = le16toh(__atomic_load_n(&queue->ring.used->idx, __ATOMIC_ACQUIRE));
	return idx - queue->used_seen;
}

static const struct vring_used_elem *used(const struct queue *queue, uint16_t ahead)
{
	return &queue->ring.used->ring[(uint16_t)(queue->used_seen + ahead) % RING_SIZE];
}

static void queue_init(struct queue *queue, uint8_t *memory)
{
	vring_init(&queue->ring, RING_SIZE, memory, 4096);
	queue->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->kick < 0 || queue->call < 0)
		die("eventfd");
}

void rings_init(struct rings *rings, uint32_t rx_size)
{
	*rings = (struct rings){.rx_size = rx_size};
	rings->memory_fd = memfd_create("vguest", MFD_CLOEXEC);
	if (rings->memory_fd < 0 || ftruncate(rings->memory_fd, MEMORY_SIZE) < 0)
		die("memfd");
	rings->memory =
		mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, rings->memory_fd, 0);
	if (rings->memory == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < N_QUEUES; i++)
		queue_init(&rings->queue[i], rings->memory + i * RING_BYTES);
	rings->queue[TX].ring.avail->flags = htole16(VRING_AVAIL_F_NO_INTERRUPT);
	for (uint16_t i = 0; i < RING_SIZE; i++) {
		rings->queue[RX].ring.desc[i] = (struct vring_desc){
			.addr = htole64(MEMORY_GUEST + RX_OFFSET + (uint64_t)i * RX_SLOT_MAX),
			.len = htole32(rx_size),
			.flags = htole16(VRING_DESC_F_WRITE),
		};
		publish(&rings->queue[RX], i);
		rings->tx_free[rings->n_tx_free++] = i;
	}
}

uint16_t rings_base(const struct rings *rings, int index)
{
	return le16toh(rings->queue[index].ring.used->idx);
}

void rings_kick(const struct rings *rings, int index)
{
	const struct queue *queue = &rings->queue[index];

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	uint16_t flags = le16toh(__atomic_load_n(&queue->ring.used->flags, __ATOMIC_RELAXED));
	if (!(flags & VRING_USED_F_NO_NOTIFY) && eventfd_write(queue->kick, 1) < 0)
		die("kick");
}

/* The used buffer number i of a frame: how many bytes at *data, -1 if it breaks a rule. */
static int used_buffer(const struct rings *rings, uint16_t i, const uint8_t **data)
{
	const struct vring_used_elem *elem = used(&rings->queue[RX], i);
	uint32_t id = le32toh(elem->id), size = le32toh(elem->len);

	if (id >= RING_SIZE) {
		link_fault("used id out of the ring", id);
		return -1;
	}
	if (size > rings->rx_size) {
		link_fault("used length over the buffer", size);
		return -1;
	}
	*data = rings->memory + RX_OFFSET + (size_t)id * RX_SLOT_MAX;
	return size;
}

/* How many buffers the frame at the head spans, by its header; 1 if the header is wrong. */
static uint16_t n_buffers(const struct rings *rings)
{
	const struct virtio_net_hdr_mrg_rxbuf *hdr;
	const uint8_t *data;
	int size = used_buffer(rings, 0, &data);

	if (size < 0)
		return 1;
	if ((size_t)size < HDR_SIZE) {
		link_fault("used length under the header", size);
		return 1;
	}
	hdr = (const void *)data;
	if (hdr->hdr.flags || hdr->hdr.gso_type)
		link_fault(
			"offload that was not negotiated", hdr->hdr.flags | hdr->hdr.gso_type << 8);
	if (!rings->mergeable)
		return 1;
	uint16_t n = le16toh(hdr->num_buffers);
	if (n == 0 || n > RING_SIZE) {
		link_fault("num_buffers", n);
		return 1;
	}
	return n;
}

/* The frame in the first n used buffers: its size, 0 if it broke a rule. */
static size_t gather(const struct rings *rings, uint16_t n, uint8_t *frame)
{
	size_t total = 0, skip = HDR_SIZE;

	for (uint16_t i = 0; i < n; i++, skip = 0) {
		const uint8_t *data;
		int size = used_buffer(rings, i, &data);
		if (size < (int)skip)
			return 0;
		if (total + size - skip > FRAME_MAX) {
			link_fault("frame too long", total + size);
			return 0;
		}
		memcpy(frame + total, data + skip, size - skip);
		total += size - skip;
	}
	return total;
}

unsigned rings_receive(struct rings *rings, bool *open)
{
	static uint8_t message[LINK_FRAME_HEADROOM + FRAME_MAX];
	struct queue *queue = &rings->queue[RX];
	unsigned n_frames = 0;

	*open = true;
	while (n_used(queue)) {
		uint16_t n = n_buffers(rings);
		if (n > n_used(queue))
			break; /* the rest of the frame is on its way */
		size_t size = gather(rings, n, message + LINK_FRAME_HEADROOM);
		if (size && !rings->sink && !link_frame(message, size)) {
			*open = false;
			break;
		}
		for (uint16_t i = 0; i < n; i++)
			publish(queue, le32toh(used(queue, i)->id) % RING_SIZE);
		queue->used_seen += n;
		n_frames++;
	}
	rings->n_rx += n_frames;
	if (n_frames)
		rings_kick(rings, RX);
	return n_frames;
}

void rings_reclaim(struct rings *rings)
{
	struct queue *queue = &rings->queue[TX];

	for (; n_used(queue); queue->used_seen++) {
		uint32_t id = le32toh(used(queue, 0)->id);
		if (id >= RING_SIZE || rings->n_tx_free == RING_SIZE)
			link_fault("transmit descriptor returned that was not given", id);
		else
			rings->tx_free[rings->n_tx_free++] = id;
	}
}

void rings_transmit(struct rings *rings, const uint8_t *hdr, const uint8_t *frame, size_t size)
{
	uint16_t slot = rings->tx_free[--rings->n_tx_free];
	size_t offset = TX_OFFSET + (size_t)slot * TX_SLOT;

	if (size > TX_SLOT - HDR_SIZE)
		size = TX_SLOT - HDR_SIZE;
	memset(rings->memory + offset, 0, HDR_SIZE);
	if (hdr)
		memcpy(rings->memory + offset, hdr, HDR_SIZE);
	memcpy(rings->memory + offset + HDR_SIZE, frame, size);
	rings->queue[TX].ring.desc[slot] = (struct vring_desc){
		.addr = htole64(MEMORY_GUEST + offset),
		.len = htole32(HDR_SIZE + size),
	};
	publish(&rings->queue[TX], slot);
	rings_kick(rings, TX);
	rings->n_tx++;
}

void rings_offer_raw(
	struct rings *rings, int index, uint16_t head, const uint8_t *rows, size_t size)
{
	const size_t row = 2 + sizeof(struct vring_desc);
	struct queue *queue = &rings->queue[index];
	uint16_t at;

	for (; size >= row; rows += row, size -= row) {
		memcpy(&at, rows, 2);
		memcpy(&queue->ring.desc[at % RING_SIZE], rows + 2, sizeof(struct vring_desc));
	}
	for (uint16_t i = 0; index == TX && i < rings->n_tx_free; i++) {
		if (rings->tx_free[i] == head) { /* it comes back as a frame of ours would */
			rings->tx_free[i] = rings->tx_free[--rings->n_tx_free];
			break;
		}
	}
	publish(queue, head);
	rings_kick(rings, index);
}
