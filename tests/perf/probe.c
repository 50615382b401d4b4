/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe.h"

#include "frame.h"
#include "guest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SAMPLES_MAX = 65536,
	LATENCY_GAP_NS = 100 * 1000,     /* between two frames that are watched */
	LATENCY_LIMIT_NS = 50 * 1000000, /* then it is lost */
	JOIN_LIMIT_NS = 1000 * 1000000,  /* likewise */
	MEMBER_NS = 2 * 1000000,         /* how long it stays a member */
	QUIET_NS = 20 * 1000000,         /* no frame for so long: the one before was the last */
};

enum join_state { JOIN_IDLE, JOIN_WAITS_FIRST, JOIN_MEMBER, JOIN_WAITS_LAST };

struct probe {
	struct probe_options opt;
	struct guest *const *guests;
	uint64_t *early; /* ns: to the first guest, or of a join */
	uint64_t *late;  /* ns: to the last guest, or of a leave */
	unsigned int n;
	unsigned int n_lost;
	uint64_t begin_ns; /* of what is being timed */
	uint64_t next_ns;
	/* latency */
	bool is_waiting;
	uint64_t missing; /* guests that have not got it, a bit each */
	unsigned int number;
	/* joins */
	enum join_state state;
	uint64_t last_ns;
	unsigned int n_joins;
};

struct probe *probe_create(const struct probe_options *options, struct guest *const *guests)
{
	struct probe *probe = calloc(1, sizeof(*probe));

	if (!probe)
		return NULL;
	probe->opt = *options;
	probe->guests = guests;
	probe->early = calloc(SAMPLES_MAX, sizeof(*probe->early));
	probe->late = calloc(SAMPLES_MAX, sizeof(*probe->late));
	if (!probe->early || !probe->late) {
		probe_destroy(probe);
		return NULL;
	}
	return probe;
}

void probe_destroy(struct probe *probe)
{
	if (!probe)
		return;
	free(probe->early);
	free(probe->late);
	free(probe);
}

bool probe_wants_frame(struct probe *probe, uint64_t now_ns)
{
	if (probe->opt.kind != PROBE_LATENCY || probe->is_waiting || now_ns < probe->next_ns ||
		probe->n == SAMPLES_MAX)
		return false;
	for (unsigned int i = 0; i < probe->opt.n_guests; i++)
		guest_look_from(probe->guests[i]);
	return true;
}

void probe_frame_sent(struct probe *probe, unsigned int number, uint64_t now_ns)
{
	probe->number = number;
	probe->begin_ns = now_ns;
	probe->next_ns = now_ns + LATENCY_GAP_NS;
	probe->missing = ~0ULL >> (64 - probe->opt.n_guests);
	probe->is_waiting = true;
}

static void latency_turn(struct probe *probe, uint64_t now_ns)
{
	uint64_t all = ~0ULL >> (64 - probe->opt.n_guests);
	unsigned int n;

	if (!probe->is_waiting)
		return;
	for (unsigned int i = 0; i < probe->opt.n_guests; i++) {
		if (!(probe->missing >> i & 1) || !guest_look(probe->guests[i], probe->number, &n))
			continue;
		if (probe->missing == all)
			probe->early[probe->n] = now_ns - probe->begin_ns;
		probe->missing &= ~(1ULL << i);
	}
	if (probe->missing == 0) {
		probe->late[probe->n++] = now_ns - probe->begin_ns;
		probe->is_waiting = false;
	} else if (now_ns - probe->begin_ns > LATENCY_LIMIT_NS) {
		probe->n_lost++;
		probe->is_waiting = false;
	}
}

static void membership_send(struct probe *probe, enum frame_record type)
{
	struct frame_report report = {
		.guest = probe->opt.n_guests - 1, .first = probe->number, .n = 1, .type = type};
	uint8_t frame[FRAME_MAX_SIZE];
	size_t size = frame_report_build(frame, &report);

	guest_send(probe->guests[report.guest], frame, size);
}

static void join_begin(struct probe *probe, uint64_t now_ns)
{
	probe->number = probe->n_joins++ % probe->opt.n_frames * probe->opt.stride;
	guest_look_from(probe->guests[probe->opt.n_guests - 1]);
	membership_send(probe, FRAME_TO_EXCLUDE);
	probe->begin_ns = now_ns;
	probe->state = JOIN_WAITS_FIRST;
}

static void leave_begin(struct probe *probe, uint64_t now_ns)
{
	membership_send(probe, FRAME_TO_INCLUDE);
	probe->begin_ns = probe->last_ns = now_ns;
	probe->state = JOIN_WAITS_LAST;
}

static void joins_turn(struct probe *probe, uint64_t now_ns)
{
	bool has_come;
	unsigned int n;

	if (probe->state == JOIN_IDLE) {
		if (probe->n < SAMPLES_MAX)
			join_begin(probe, now_ns);
		return;
	}
	has_come = guest_look(probe->guests[probe->opt.n_guests - 1], probe->number, &n);
	if (has_come)
		probe->last_ns = now_ns;
	switch (probe->state) {
	case JOIN_WAITS_FIRST:
		if (has_come) {
			probe->early[probe->n] = now_ns - probe->begin_ns;
			probe->next_ns = now_ns + MEMBER_NS;
			probe->state = JOIN_MEMBER;
		} else if (now_ns - probe->begin_ns > JOIN_LIMIT_NS) {
			probe->n_lost++;
			probe->state = JOIN_IDLE;
		}
		break;
	case JOIN_MEMBER:
		if (now_ns >= probe->next_ns)
			leave_begin(probe, now_ns);
		break;
	case JOIN_WAITS_LAST:
		if (now_ns - probe->last_ns > QUIET_NS) {
			probe->late[probe->n++] = probe->last_ns - probe->begin_ns;
			probe->state = JOIN_IDLE;
		} else if (now_ns - probe->begin_ns > 5ULL * JOIN_LIMIT_NS) {
			probe->n_lost++;
			probe->state = JOIN_IDLE;
		}
		break;
	case JOIN_IDLE:
		break;
	}
}

void probe_turn(struct probe *probe, uint64_t now_ns)
{
	if (probe->opt.kind == PROBE_LATENCY)
		latency_turn(probe, now_ns);
	else if (probe->opt.kind == PROBE_JOINS)
		joins_turn(probe, now_ns);
}

static void list_print(const char *name, const uint64_t *values, unsigned int n)
{
	printf(", \"%s\": [", name);
	for (unsigned int i = 0; i < n; i++)
		printf("%s%" PRIu64, i ? "," : "", values[i]);
	printf("]");
}

void probe_print(const struct probe *probe)
{
	bool is_latency = probe->opt.kind == PROBE_LATENCY;

	if (probe->opt.kind == PROBE_NONE)
		return;
	list_print(is_latency ? "first_ns" : "join_ns", probe->early, probe->n);
	list_print(is_latency ? "last_ns" : "leave_ns", probe->late, probe->n);
	printf(", \"probes_lost\": %u", probe->n_lost);
}
