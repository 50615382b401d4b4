/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All null guests together: the loop that polls them, makes them join, and takes a sample a
 * second. One thread; a signal handler may set the two flags.
 */
#ifndef PERF_SINK_H
#define PERF_SINK_H

#include <signal.h>
#include <stdbool.h>

enum {
	SINK_GUESTS_MAX = 64,
	SINK_SECONDS_MAX = 3600,
};

struct sink_options {
	const char *sockets; /* prefix: guest i connects to <prefix>i */
	unsigned int n_guests;
	unsigned int n_groups;
	unsigned int seconds;
	unsigned int groups_per_report;
	unsigned int report_gap_us; /* between two reports, all guests together */
	unsigned int join_every_s;
	unsigned int pause_ns;
	unsigned int connect_s;
	unsigned int period; /* of the source's frame numbers, in verify mode; else 0 */
	int cpu;
	bool hold;
	bool linger;
	bool hugetlb;
};

struct sink;

/*
 * What signal handlers ask for: begin to take samples (with options.hold), end as soon as
 * possible.
 */
struct sink_signals {
	volatile sig_atomic_t start;
	volatile sig_atomic_t stop;
};

/* Options and signals must outlive the sink. NULL without memory. */
struct sink *sink_create(const struct sink_options *options, const struct sink_signals *signals);
void sink_destroy(struct sink *sink);

/*
 * Connects every guest; waits for sockets that are not there yet. 0 or -errno, having said which
 * socket.
 */
int sink_connect(struct sink *sink);

/*
 * Polls until all samples are taken or a stop is asked for: 0; -EPIPE if the switch closes a
 * connection.
 */
int sink_run(struct sink *sink);

/*
 * Stops handing back, lets the rings fill so that both sides' counters stand still, and prints the
 * summary as JSON.
 */
void sink_summarise(const struct sink *sink);

#endif
