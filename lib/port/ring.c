/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ring.h"

#include "port/ring_private.h"

/*
 * What both layouts share. A burst goes the short way as long as buffers are of one descriptor
 * each: all are translated, checked and marked used first, then copied in one go. A buffer that is
 * anything else takes the long way, chain by chain, and the short way is tried again after it.
 */
#define SIZE_MAX_RING 32768
#define BUFFERS_MAX   256 /* that one frame may span */
#define NUM_BUFFERS   10  /* offset in the header */
#define SHORT_HEADER  10

static const char *const fault_names[] = {
#define RING_FAULT_NAME(name, sentence) #name,
	RING_FAULTS(RING_FAULT_NAME)
#undef RING_FAULT_NAME
};

static const char *const fault_sentences[] = {
#define RING_FAULT_SENTENCE(name, sentence) sentence,
	RING_FAULTS(RING_FAULT_SENTENCE)
#undef RING_FAULT_SENTENCE
};

const char *ring_fault_name(enum ring_fault fault)
{
	return fault < RING_N_FAULTS ? fault_names[fault] : "?";
}

const char *ring_fault_sentence(enum ring_fault fault)
{
	return fault < RING_N_FAULTS ? fault_sentences[fault] : "?";
}

/* --- opening --- */

static bool area_holds(
	const struct ring *r, const void *area, uint64_t size, unsigned int align, uint64_t *guest)
{
	return (uintptr_t)area % align == 0 && ring_memory_holds(r->memory, area, size, guest);
}

/* 2.7 and 2.8: sizes and alignments. */
static bool areas_hold(struct ring *r)
{
	uint64_t driver_size = r->packed ? 4 : 6 + 2 * (uint64_t)r->size, guest;
	uint64_t device_size = r->packed ? 4 : 6 + 8 * (uint64_t)r->size;

	return area_holds(r, r->descriptors, (uint64_t)RING_DESCRIPTOR * r->size, 16,
		       &r->descriptors_guest) &&
	       area_holds(r, r->driver, driver_size, r->packed ? 4 : 2, &guest) &&
	       area_holds(r, r->device, device_size, 4, &r->device_guest);
}

static enum ring_fault setup_check(struct ring *r)
{
	if (r->size == 0 || r->size > SIZE_MAX_RING ||
		(!r->packed && (r->size & (r->size - 1)) != 0))
		return RING_FAULT_SIZE;
	if (!areas_hold(r))
		return RING_FAULT_AREA;
	if (r->packed && r->next >= r->size)
		return RING_FAULT_BASE;
	return RING_OK;
}

enum ring_fault ring_open(struct ring *r, const struct ring_setup *setup)
{
	const struct ring_copier *const *copiers;

	ring_copiers(&copiers);
	*r = (struct ring){
		.layout = setup->packed ? &ring_layout_packed : &ring_layout_split,
		.copier = setup->copier != NULL ? setup->copier : copiers[0],
		.descriptors = setup->descriptors,
		.driver = setup->driver,
		.device = setup->device,
		.size = setup->size,
		.next = setup->next,
		.wrap = setup->wrap,
		.simple = setup->log.bits == NULL && !setup->short_header,
		.mergeable = setup->mergeable,
		.event_index = setup->event_index,
		.indirect = setup->indirect,
		.packed = setup->packed,
		.header_size = setup->short_header ? SHORT_HEADER : RING_HEADER,
		.memory = setup->memory,
		.log = setup->log,
	};
	r->fault = setup_check(r);
	return r->fault;
}

void ring_quiet(struct ring *r)
{
	if (r->fault == RING_OK)
		r->layout->quiet(r);
}

/* --- to the guest --- */

/* A frame being written the long way. */
struct put {
	struct ring *ring;
	const struct ring_frame *frame;
	uint32_t image;        /* octets of header and frame */
	uint32_t done;         /* of these */
	uint8_t *n_buffers[2]; /* where the two octets of num_buffers are */
	uint64_t n_buffers_guest[2];
};

enum put_end { PUT_DONE, PUT_FULL, PUT_UNFIT };

static void piece_write(struct put *p, const struct ring_piece *piece)
{
	uint32_t header = p->ring->header_size, at = 0, n;

	for (; at < piece->size && p->done < header; at++, p->done++) {
		piece->at[at] = 0;
		if (p->done >= NUM_BUFFERS) {
			p->n_buffers[p->done - NUM_BUFFERS] = &piece->at[at];
			p->n_buffers_guest[p->done - NUM_BUFFERS] = piece->guest + at;
		}
	}
	n = p->image - p->done;
	if (n > piece->size - at)
		n = piece->size - at;
	if (n > 0)
		memcpy(piece->at + at, p->frame->data + (p->done - header), n);
	p->done += n;
	if (p->ring->log.bits != NULL)
		ring_log_write(&p->ring->log, piece->guest, at + n);
}

static void n_buffers_write(struct put *p, uint16_t n)
{
	const uint8_t octets[2] = {(uint8_t)n, (uint8_t)(n >> 8)};

	for (unsigned int i = 0; i < 2 && p->ring->header_size > NUM_BUFFERS + i; i++) {
		*p->n_buffers[i] = octets[i];
		if (p->ring->log.bits != NULL)
			ring_log_write(&p->ring->log, p->n_buffers_guest[i], 1);
	}
}

/* Into the chain at the burst's position. False: there is none, or r->fault. */
static bool chain_write(struct put *p, struct ring_burst *b, struct ring_used *used)
{
	struct ring *r = p->ring;
	uint32_t before = p->done;
	struct ring_piece piece;
	struct ring_chain c;

	if (b->work > RING_WORK || !r->layout->chain_open(r, b, true, &c))
		return false;
	while (p->done < p->image && ring_chain_next(&c, &piece))
		piece_write(p, &piece);
	if (ring_chain_finish(&c) && p->done < r->header_size)
		c.fault = RING_FAULT_RUNT;
	b->work += c.n_read;
	r->fault = c.fault;
	*used = (struct ring_used){c.id, c.n_slots, p->done - before};
	return r->fault == RING_OK;
}

/* All or nothing: a frame that finds too few buffers leaves them as they are. */
static enum put_end frame_put(struct ring *r, struct ring_burst *b, const struct ring_frame *frame)
{
	struct put p = {.ring = r, .frame = frame, .image = r->header_size + frame->size};
	uint16_t max = r->mergeable ? BUFFERS_MAX : 1, n = 0;
	struct ring_used used[BUFFERS_MAX];
	struct ring_burst at = *b;
	bool full = false;

	for (; p.done < p.image && n < max && !full; n++) {
		full = !chain_write(&p, &at, &used[n]);
		if (!full)
			r->layout->advance(r, &at, used[n].n_slots);
	}
	b->work = at.work;
	if (full || p.done < p.image)
		return full ? PUT_FULL : PUT_UNFIT;
	n_buffers_write(&p, n);
	for (uint16_t i = 0; i < n; i++)
		r->layout->use(r, b, &used[i]);
	return PUT_DONE;
}

struct ring_done ring_enqueue(
	struct ring *r, const struct ring_frame *frames, uint16_t n, bool stream)
{
	const struct ring_copier *copier = r->copier;
	struct ring_target targets[RING_BURST];
	struct ring_done done = {0, 0};
	struct ring_burst b = {0};
	enum put_end end;
	uint16_t i = 0, k;

	if (r->fault != RING_OK || !r->layout->begin(r, &b))
		return done;
	stream = stream && copier->stream != NULL;
	while (i < n) {
		k = n - i < RING_BURST ? (uint16_t)(n - i) : RING_BURST;
		k = r->simple ? r->layout->targets(r, &b, frames + i, targets, k, stream) : 0;
		if (k > 0)
			(stream ? copier->stream : copier->ordinary)(frames + i, targets, k);
		done.n = (uint16_t)(done.n + k);
		for (; k > 0; k--)
			done.octets += frames[i++].size;
		if (i == n)
			break;
		end = frame_put(r, &b, &frames[i]);
		if (end == PUT_FULL)
			break;
		if (end == PUT_UNFIT)
			r->n_unfit++;
		else
			done = (struct ring_done){
				(uint16_t)(done.n + 1), done.octets + frames[i].size};
		i++;
	}
	r->layout->end(r, &b);
	return done;
}

/* --- from the guest --- */

uint16_t ring_waiting(const struct ring *r, uint16_t max)
{
	return r->fault == RING_OK ? r->layout->waiting(r, max) : 0;
}

enum take_end { TAKE_DONE, TAKE_EMPTY, TAKE_BAD };

/* The chain at the burst's position into room, the long way; the buffer is given back. */
static enum take_end frame_take(struct ring *r, struct ring_burst *b, struct ring_room *room)
{
	uint32_t skip = r->header_size, size = 0;
	struct ring_piece piece;
	struct ring_chain c;
	bool fits = true;

	if (b->work > RING_WORK || !r->layout->chain_open(r, b, false, &c))
		return TAKE_EMPTY;
	while (ring_chain_next(&c, &piece)) {
		uint32_t over = piece.size < skip ? piece.size : skip, n = piece.size - over;

		skip -= over;
		fits = fits && n <= room->size - size;
		if (!fits)
			break;
		memcpy(room->data + size, piece.at + over, n);
		size += n;
	}
	ring_chain_finish(&c);
	b->work += c.n_read;
	r->fault = c.fault;
	if (r->fault != RING_OK)
		return TAKE_EMPTY;
	r->layout->use(r, b, &(struct ring_used){c.id, c.n_slots, 0});
	if (!fits || size == 0)
		return TAKE_BAD;
	room->size = size;
	return TAKE_DONE;
}

uint16_t ring_dequeue(struct ring *r, struct ring_room *rooms, uint16_t n)
{
	struct ring_frame frames[RING_BURST];
	struct ring_burst b = {0};
	enum take_end end;
	uint16_t i = 0, k;

	if (r->fault != RING_OK || !r->layout->begin(r, &b))
		return 0;
	while (i < n) {
		k = n - i < RING_BURST ? (uint16_t)(n - i) : RING_BURST;
		k = r->simple ? r->layout->sources(r, &b, rooms + i, frames, k) : 0;
		for (uint16_t j = 0; j < k; j++, i++) {
			memcpy(rooms[i].data, frames[j].data, frames[j].size);
			rooms[i].size = frames[j].size;
		}
		if (i == n)
			break;
		end = frame_take(r, &b, &rooms[i]);
		if (end == TAKE_EMPTY)
			break;
		if (end == TAKE_BAD)
			r->n_bad++;
		else
			i++;
	}
	r->layout->end(r, &b);
	return i;
}

/* --- notification --- */

bool ring_kick_wanted(struct ring *r)
{
	if (!r->unsignalled)
		return false;
	r->unsignalled = false;
	return r->layout->kick_wanted(r);
}
