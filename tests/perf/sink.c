/* SPDX-License-Identifier: BSD-3-Clause */
#include "sink.h"

#include "frame.h"
#include "guest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	AWAY_NS = 100 * 1000,   /* a sweep this late means that something else ran on the core */
	SETTLE_US = 200 * 1000, /* ample for a running switch to fill 1,024 buffers */
};

#define SECOND_NS 1000000000ULL

/* Where the joining is: every pass sends all reports of all guests. */
struct joiner {
	uint64_t next_ns;
	unsigned int n_passes;
	unsigned int guest;
	unsigned int first;
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

/*
 * Sends at most one report; two passes of state changes at once (RFC 3376, robustness 2), then
 * current state at intervals.
 */
static void join_next(struct sink *sink, uint64_t now_ns)
{
	const struct sink_options *opt = sink->options;
	struct joiner *joiner = &sink->joiner;
	unsigned int n = opt->n_groups - joiner->first;
	uint8_t frame[FRAME_MAX_SIZE];
	size_t size;

	if (now_ns < joiner->next_ns)
		return;
	if (n > opt->groups_per_report)
		n = opt->groups_per_report;
	size = frame_report_build(frame, joiner->guest, joiner->first, n, joiner->n_passes < 2);
	guest_send(
		sink->guests[joiner->guest], frame, size); /* a full ring waits for the next pass */
	joiner->next_ns = now_ns + opt->report_gap_us * 1000ULL;

	joiner->first += n;
	if (joiner->first < opt->n_groups)
		return;
	joiner->first = 0;
	if (++joiner->guest < opt->n_guests)
		return;
	joiner->guest = 0;
	if (++joiner->n_passes >= 2)
		joiner->next_ns = now_ns + opt->join_every_s * SECOND_NS;
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

int sink_run(struct sink *sink)
{
	const struct sink_options *opt = sink->options;
	struct guest_verify verify = {.n_groups = opt->n_groups, .period = opt->period};
	uint64_t previous = clock_ns();

	totals_take(sink, &sink->mark, previous);
	while (!sink->signals->stop && sink->n_samples < opt->seconds) {
		uint64_t now = clock_ns();

		if (now - previous < opt->pause_ns) {
			__builtin_ia32_pause();
			continue;
		}
		if (now - previous > AWAY_NS)
			sink->away_ns += now - previous;
		for (unsigned int i = 0; i < opt->n_guests; i++)
			guest_poll(sink->guests[i], now, previous, &verify);
		previous = now;
		join_next(sink, now);
		if (!sink->is_measuring && (sink->signals->start || !opt->hold)) {
			sink->is_measuring = true;
			totals_take(sink, &sink->begin, now);
			sink->mark = sink->begin;
		}
		if (now - sink->mark.at_ns >= SECOND_NS) {
			second_end(sink, now);
			if (any_is_lost(sink))
				return -EPIPE;
		}
	}
	return 0;
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

void sink_summarise(const struct sink *sink)
{
	unsigned int n_guests = sink->options->n_guests;
	const struct totals *begin = &sink->begin, *end = &sink->mark;
	double window_ns = end->at_ns > begin->at_ns ? (double)(end->at_ns - begin->at_ns) : 1;
	double n_polls =
		end->n_polls > begin->n_polls ? (double)(end->n_polls - begin->n_polls) : 1;
	uint64_t n_disorder = 0;

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
	if (sink->options->period > 0)
		verdict_print(sink);
	printf("}\n");
	fflush(stdout);
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
	return 0;
}

struct sink *sink_create(const struct sink_options *options, const struct sink_signals *signals)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return NULL;
	sink->options = options;
	sink->signals = signals;
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
	for (unsigned int i = 0; i <= sink->options->n_guests; i++)
		free(sink->rates[i]);
	free(sink);
}
