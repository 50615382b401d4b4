/* SPDX-License-Identifier: BSD-3-Clause */
#include "sink.h"

#include "frame.h"
#include "guest.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	AWAY_NS = 100 * 1000,   /* a sweep this late means that something else ran on the core */
	SETTLE_US = 200 * 1000, /* ample for a running switch to fill 1,024 buffers */
	FEED_BURST = 64,        /* frames at once; a ring has room for many of these */
	FEED_BEHIND = 256, /* frames; what a feeder missed beyond that it does not make up for */
	/* Frames that wait for the switch, with a pace: fewer than a ring has free at any time, so what is lost is its loss. */
	FEED_WAITING = 256,
	JOIN_AGAIN_S = 5,
	CHURN_BURST = 4,     /* reports a turn */
	CHURN_GROUPS = 4096, /* of each guest, beyond those of the stream */
	CHURN_FIRST = 65536 + 8192,
	CHURN_HELD = 8, /* groups that a guest is a member of at a time */
};

#define SECOND_NS 1000000000ULL

/* Where the joining is: every pass sends all reports of all guests. */
struct joiner {
	uint64_t next_ns;
	unsigned int n_passes;
	unsigned int guest;
	unsigned int first;
};

/* What is done at a rate: how often so far, since when. */
struct pace {
	uint64_t begin_ns;
	uint64_t n;
	uint64_t n_missed; /* too late to be made up for */
};

struct totals {
	uint64_t frames[SINK_GUESTS_MAX];
	uint64_t dry_ns;
	uint64_t n_polls;
	uint64_t n_empty;
	uint64_t away_ns;
	uint64_t at_ns;
};

struct sink {
	const struct sink_options *options;
	const struct sink_signals *signals;
	struct guest *guests[SINK_GUESTS_MAX];
	struct joiner joiner;
	struct feeder *feeder;
	struct probe *probe;
	struct pace feeding;
	struct pace churning;
	struct totals begin; /* of the measured window */
	struct totals mark;  /* of the running second */
	double *rates[SINK_GUESTS_MAX +
		      1]; /* frames/s, a sample a second; the last row is all guests together */
	unsigned int n_samples;
	uint64_t away_ns;
	bool is_measuring;
};

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static uint16_t vlan_of(const struct sink_options *opt, unsigned int guest)
{
	return guest >= opt->trunk_from ? opt->vlan : 0;
}

static void report_send(struct sink *sink, struct frame_report *report)
{
	uint8_t frame[FRAME_MAX_SIZE + 4];

	report->vlan = vlan_of(sink->options, report->guest);
	/* What finds the ring full waits for the next pass. */
	guest_send(sink->guests[report->guest], frame, frame_report_build(frame, report));
}

/* RFC 3376, 4.2.12: two passes of changes at once (robustness 2), then current state. */
static enum frame_record record_type(const struct sink *sink)
{
	if (sink->joiner.n_passes >= 2)
		return sink->options->is_source_specific ? FRAME_IS_INCLUDE : FRAME_IS_EXCLUDE;
	return sink->options->is_source_specific ? FRAME_TO_INCLUDE : FRAME_TO_EXCLUDE;
}

/* Before the window, again soon: a report may have been lost, and somebody waits for all to be known. */
static unsigned int join_gap_s(const struct sink *sink)
{
	unsigned int every = sink->options->join_every_s;

	return sink->is_measuring || every < JOIN_AGAIN_S ? every : JOIN_AGAIN_S;
}

/* Sends at most one report. */
static void join_next(struct sink *sink, uint64_t now_ns)
{
	const struct sink_options *opt = sink->options;
	struct joiner *joiner = &sink->joiner;
	struct frame_report report = {.guest = joiner->guest,
		.first = joiner->first,
		.n = opt->n_groups - joiner->first,
		.type = record_type(sink),
		.source = opt->is_source_specific ? FRAME_SOURCE : 0};

	if (now_ns < joiner->next_ns || opt->n_members == 0)
		return;
	if (report.n > opt->groups_per_report)
		report.n = opt->groups_per_report;
	report_send(sink, &report);
	joiner->next_ns = now_ns + opt->report_gap_us * 1000ULL;

	joiner->first += report.n;
	if (joiner->first < opt->n_groups)
		return;
	joiner->first = 0;
	if (++joiner->guest < opt->n_members)
		return;
	joiner->guest = 0;
	if (++joiner->n_passes >= 2)
		joiner->next_ns = now_ns + join_gap_s(sink) * SECOND_NS;
}

/* How many are due by now; what lags more than `most` behind is let go. */
static unsigned int pace_due(
	struct pace *pace, uint64_t now_ns, unsigned int rate, unsigned int most)
{
	uint64_t due;

	if (pace->begin_ns == 0)
		pace->begin_ns = now_ns;
	due = (uint64_t)((double)(now_ns - pace->begin_ns) * rate / 1e9);
	if (due > pace->n + most) {
		pace->n_missed += due - pace->n - most;
		pace->begin_ns = now_ns - (uint64_t)((double)(pace->n + most) * 1e9 / rate);
		due = pace->n + most;
	}
	return due > pace->n ? (unsigned int)(due - pace->n) : 0;
}

/* Join and leave in turn, guest after guest, one record a report. */
static void churn_next(struct sink *sink, uint64_t now_ns)
{
	const struct sink_options *opt = sink->options;
	unsigned int n = pace_due(&sink->churning, now_ns, opt->churn_rate, CHURN_BURST * 64);

	for (unsigned int i = 0; i < n && i < CHURN_BURST; i++, sink->churning.n++) {
		unsigned int step = (unsigned int)(sink->churning.n / opt->n_guests);
		bool joins = step % 2 == 0;
		unsigned int k = step / 2 + (joins ? 0 : CHURN_GROUPS - CHURN_HELD);
		struct frame_report report = {
			.guest = (unsigned int)(sink->churning.n % opt->n_guests),
			.first = CHURN_FIRST + k % CHURN_GROUPS,
			.n = 1,
			.type = joins ? FRAME_TO_EXCLUDE : FRAME_TO_INCLUDE};

		report_send(sink, &report);
	}
}

static void feed_next(struct sink *sink, uint64_t now_ns)
{
	unsigned int rate = sink->options->feed_rate, n = FEED_BURST, sent;
	bool is_watched;

	feeder_drain(sink->feeder);
	if (rate > 0) {
		unsigned int waiting = feeder_waiting(sink->feeder);

		n = pace_due(&sink->feeding, now_ns, rate, FEED_BEHIND);
		if (n > FEED_WAITING - waiting)
			n = waiting < FEED_WAITING ? FEED_WAITING - waiting : 0;
	}
	if (n == 0)
		return;
	is_watched = probe_wants_frame(sink->probe, now_ns);
	if (is_watched)
		now_ns = clock_ns();
	sent = feeder_send(sink->feeder, n < FEED_BURST ? n : FEED_BURST);
	sink->feeding.n += sent;
	if (is_watched && sent > 0)
		probe_frame_sent(sink->probe, feeder_last(sink->feeder), now_ns);
}

static void totals_take(const struct sink *sink, struct totals *totals, uint64_t now_ns)
{
	*totals = (struct totals){.at_ns = now_ns, .away_ns = sink->away_ns};
	for (unsigned int i = 0; i < sink->options->n_guests; i++) {
		const struct guest_counts *counts = guest_counts(sink->guests[i]);

		totals->frames[i] = counts->frames;
		totals->dry_ns += counts->dry_ns;
		totals->n_polls += counts->n_polls;
		totals->n_empty += counts->n_empty;
	}
}

/* Ends a second: prints it, and keeps it as a sample if the window is open. */
static void second_end(struct sink *sink, uint64_t now_ns)
{
	unsigned int n_guests = sink->options->n_guests;
	double seconds = (now_ns - sink->mark.at_ns) / 1e9;
	double total = 0;
	struct totals now;

	totals_take(sink, &now, now_ns);
	fprintf(stderr, "%s", sink->is_measuring ? "  measured" : "  waiting ");
	for (unsigned int i = 0; i < n_guests; i++) {
		double rate = (now.frames[i] - sink->mark.frames[i]) / seconds;

		fprintf(stderr, " %.3f", rate / 1e6);
		total += rate;
		if (sink->is_measuring)
			sink->rates[i][sink->n_samples] = rate;
	}
	fprintf(stderr, "  total %.3f M frames/s\n", total / 1e6);
	if (sink->is_measuring)
		sink->rates[n_guests][sink->n_samples++] = total;
	sink->mark = now;
}

static bool any_is_lost(const struct sink *sink)
{
	for (unsigned int i = 0; i < sink->options->n_guests; i++) {
		if (guest_is_lost(sink->guests[i]))
			return true;
	}
	return false;
}

/* Numbers from here on are of groups that the guest did not join. Who probes joins them one by one. */
static unsigned int n_groups_of(const struct sink_options *opt, unsigned int guest)
{
	bool probes = opt->probe == PROBE_JOINS && guest == opt->n_guests - 1;

	return probes ? FRAME_GROUPS_MAX : opt->n_groups;
}

static void guests_poll(struct sink *sink, uint64_t now_ns, uint64_t previous_ns)
{
	const struct sink_options *opt = sink->options;
	struct guest_verify verify = {.period = opt->period, .stride = opt->stride};

	for (unsigned int i = 0; i < opt->n_guests; i++) {
		verify.n_groups = n_groups_of(opt, i);
		verify.vlan = vlan_of(opt, i);
		guest_poll(sink->guests[i], now_ns, previous_ns, &verify);
	}
}

/* What happens in the measured window alone. */
static void load_next(struct sink *sink, uint64_t now_ns)
{
	if (sink->options->churn_rate > 0)
		churn_next(sink, now_ns);
	if (sink->feeder)
		feed_next(sink, now_ns);
	probe_turn(sink->probe, clock_ns());
}

static bool is_paused(const struct sink_options *opt, uint64_t since_ns)
{
	const struct timespec rest = {.tv_nsec = opt->sleep_us * 1000L};

	if (opt->sleep_us > 0) {
		nanosleep(&rest, NULL);
		return false;
	}
	if (opt->yields)
		sched_yield();
	if (since_ns >= opt->pause_ns)
		return false;
	__builtin_ia32_pause();
	return true;
}

int sink_run(struct sink *sink)
{
	const struct sink_options *opt = sink->options;
	uint64_t previous = clock_ns();

	totals_take(sink, &sink->mark, previous);
	while (!sink->signals->stop && sink->n_samples < opt->seconds) {
		uint64_t now;

		if (is_paused(opt, clock_ns() - previous))
			continue;
		now = clock_ns();
		if (now - previous > AWAY_NS + opt->sleep_us * 1000ULL)
			sink->away_ns += now - previous;
		guests_poll(sink, now, previous);
		previous = now;
		join_next(sink, now);
		if (!sink->is_measuring && (sink->signals->start || !opt->hold)) {
			sink->is_measuring = true;
			totals_take(sink, &sink->begin, now);
			sink->mark = sink->begin;
		}
		if (sink->is_measuring)
			load_next(sink, now);
		if (now - sink->mark.at_ns >= SECOND_NS) {
			second_end(sink, now);
			if (any_is_lost(sink))
				return -EPIPE;
		}
	}
	return 0;
}

/* All that was fed is taken, and what was on its way after that has come: rings stay open for it. */
static void feed_end(struct sink *sink)
{
	uint64_t now = clock_ns(), last = now, end = now + SECOND_NS;

	while (now < end &&
		(feeder_waiting(sink->feeder) > 0 || now - last < SETTLE_US * 1000ULL)) {
		uint64_t previous = now;

		now = clock_ns();
		if (feeder_waiting(sink->feeder) > 0)
			last = now;
		guests_poll(sink, now, previous);
		feeder_drain(sink->feeder);
	}
}

static int rate_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *rates, unsigned int n)
{
	double sorted[SINK_SECONDS_MAX];

	if (n == 0)
		return 0;
	memcpy(sorted, rates, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), rate_compare);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void verdict_print(const struct sink *sink)
{
	struct guest_verdict sum = {0};

	for (unsigned int i = 0; i < sink->options->n_guests; i++) {
		const struct guest_verdict *verdict = guest_verdict(sink->guests[i]);

		sum.n_stream += verdict->n_stream;
		sum.n_other += verdict->n_other;
		sum.n_bad += verdict->n_bad;
		sum.n_foreign += verdict->n_foreign;
		sum.n_gaps += verdict->n_gaps;
	}
	printf(", \"verify\": {\"stream\": %" PRIu64 ", \"other\": %" PRIu64 ", \"bad\": %" PRIu64
	       ", \"foreign\": %" PRIu64 ", \"gaps\": %" PRIu64 "}",
		sum.n_stream, sum.n_other, sum.n_bad, sum.n_foreign, sum.n_gaps);
}

void sink_recount(const struct sink *sink)
{
	printf("[");
	for (unsigned int i = 0; i < sink->options->n_guests; i++)
		printf("%s%" PRIu64, i ? ", " : "", guest_written(sink->guests[i]));
	printf("]\n");
	fflush(stdout);
}

void sink_summarise(struct sink *sink)
{
	unsigned int n_guests = sink->options->n_guests;
	const struct totals *begin = &sink->begin, *end = &sink->mark;
	double window_ns = end->at_ns > begin->at_ns ? (double)(end->at_ns - begin->at_ns) : 1;
	double n_polls =
		end->n_polls > begin->n_polls ? (double)(end->n_polls - begin->n_polls) : 1;
	uint64_t n_disorder = 0;

	if (sink->feeder)
		feed_end(sink);
	usleep(SETTLE_US);
	printf("{\"guests\": %u, \"groups\": %u, \"seconds\": %u", n_guests,
		sink->options->n_groups, sink->n_samples);
	printf(", \"median\": %.0f, \"samples\": [",
		median(sink->rates[n_guests], sink->n_samples));
	for (unsigned int i = 0; i < sink->n_samples; i++)
		printf("%s%.0f", i ? ", " : "", sink->rates[n_guests][i]);
	printf("], \"guest_medians\": [");
	for (unsigned int i = 0; i < n_guests; i++)
		printf("%s%.0f", i ? ", " : "", median(sink->rates[i], sink->n_samples));
	printf("], \"written\": [");
	for (unsigned int i = 0; i < n_guests; i++) {
		printf("%s%" PRIu64, i ? ", " : "", guest_written(sink->guests[i]));
		n_disorder += guest_counts(sink->guests[i])->n_disorder;
	}
	printf("], \"disorder\": %" PRIu64, n_disorder);
	printf(", \"empty_share\": %.4f", (end->n_empty - begin->n_empty) / n_polls);
	printf(", \"dry_share\": %.4f", (end->dry_ns - begin->dry_ns) / window_ns / n_guests);
	printf(", \"away_share\": %.4f", (end->away_ns - begin->away_ns) / window_ns);
	printf(", \"churned\": %" PRIu64, sink->churning.n);
	if (sink->feeder)
		printf(", \"fed\": %" PRIu64 ", \"feed_missed\": %" PRIu64,
			feeder_taken(sink->feeder), sink->feeding.n_missed);
	probe_print(sink->probe);
	if (sink->options->period > 0)
		verdict_print(sink);
	printf("}\n");
	fflush(stdout);
}

/* After the guests: its socket is there as soon as theirs are. */
static int feeder_connect(struct sink *sink)
{
	const struct sink_options *opt = sink->options;

	sink->feeder = feeder_create(opt->feed, &opt->feed_load, opt->hugetlb);
	if (sink->feeder)
		return 0;
	fprintf(stderr, "nullguest: %s: %s\n", opt->feed, strerror(errno));
	return -errno;
}

int sink_connect(struct sink *sink)
{
	uint64_t deadline = clock_ns() + sink->options->connect_s * SECOND_NS;

	for (unsigned int i = 0; i < sink->options->n_guests; i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s%u", sink->options->sockets, i);
		do {
			sink->guests[i] = guest_create(path, sink->options->hugetlb);
			if (sink->guests[i])
				break;
			if ((errno != ENOENT && errno != ECONNREFUSED) || clock_ns() > deadline) {
				fprintf(stderr, "nullguest: %s: %s\n", path, strerror(errno));
				return -errno;
			}
			usleep(50 * 1000);
		} while (!sink->signals->stop);
		if (!sink->guests[i])
			return -EINTR;
	}
	return sink->options->feed ? feeder_connect(sink) : 0;
}

struct sink *sink_create(const struct sink_options *options, const struct sink_signals *signals)
{
	const struct probe_options probe = {.kind = options->probe,
		.n_guests = options->n_guests,
		.n_frames = options->feed_load.n_frames,
		.stride = options->feed_load.stride};
	struct sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return NULL;
	sink->options = options;
	sink->signals = signals;
	sink->probe = probe_create(&probe, sink->guests);
	if (!sink->probe) {
		sink_destroy(sink);
		return NULL;
	}
	for (unsigned int i = 0; i <= options->n_guests; i++) {
		sink->rates[i] = calloc(options->seconds, sizeof(double));
		if (!sink->rates[i]) {
			sink_destroy(sink);
			return NULL;
		}
	}
	return sink;
}

void sink_destroy(struct sink *sink)
{
	if (!sink)
		return;
	for (unsigned int i = 0; i < sink->options->n_guests; i++)
		guest_destroy(sink->guests[i]);
	feeder_destroy(sink->feeder);
	probe_destroy(sink->probe);
	for (unsigned int i = 0; i <= sink->options->n_guests; i++)
		free(sink->rates[i]);
	free(sink);
}
