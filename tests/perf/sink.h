/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All null guests together: the loop that polls them, makes them join, feeds the switch if it is
 * asked to, and takes a sample a second. One thread; a signal handler may set the two flags.
 */
#ifndef PERF_SINK_H
#define PERF_SINK_H

#include "feeder.h"
#include "probe.h"

#include <signal.h>
#include <stdbool.h>

enum {
	SINK_GUESTS_MAX = 64,
	SINK_SECONDS_MAX = 3600,
};

struct sink_options {
	const char *sockets; /* prefix: guest i connects to <prefix>i */
	unsigned int n_guests;
	unsigned int n_groups;  /* that each guest joins, from number 0 on */
	unsigned int n_members; /* guests that join; the others connect and are counted */
	unsigned int seconds;
	unsigned int groups_per_report;
	unsigned int report_gap_us; /* between two reports, all guests together */
	unsigned int join_every_s;
	unsigned int pause_ns;
	unsigned int connect_s;
	unsigned int period;     /* of the source's frame numbers, in verify mode; else 0 */
	unsigned int stride;     /* between two frame numbers of the source */
	unsigned int trunk_from; /* guests from this number on send and receive tagged, */
	unsigned int vlan;       /* with this VLAN; 0: none does */
	unsigned int sleep_us;   /* between polls, instead of spinning; 0: spin */
	unsigned int churn_rate; /* leaves and joins a second of groups that nobody sends to */
	unsigned int feed_rate;  /* frames/s; 0: as fast as they are taken */
	const char *feed;        /* socket of the feeder, or NULL */
	struct feeder_load feed_load;
	enum probe_kind probe;
	int cpu;
	bool yields;             /* the core, before each poll, to whoever wants it */
	bool is_source_specific; /* reports are INCLUDE {the source} */
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
 * Ends the feeding and waits until all that was fed has arrived. Then stops handing back, lets the rings fill so that both sides' counters stand still, and prints the
 * summary as JSON.
 */
void sink_summarise(struct sink *sink);

/* One line more, later: frames written, a number a guest. */
void sink_recount(const struct sink *sink);

#endif
