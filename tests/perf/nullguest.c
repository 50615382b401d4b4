/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * N null guests on one core: the sink of the benchmark, see README.md. Joins all groups through
 * each guest's own transmit ring, then counts what arrives. A line a second goes to standard
 * error; the summary is one JSON object on standard output.
 */
#include "frame.h"
#include "sink.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct sink_signals signals;

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		signals.start = 1;
	else
		signals.stop = 1;
}

static int usage(int code)
{
	fprintf(code ? stderr : stdout,
		"usage: nullguest --sockets PREFIX [option...]\n"
		"  --sockets PREFIX       guest i connects to the socket PREFIXi\n"
		"  -n, --guests N         guests (1)\n"
		"  --groups G             groups 239.1.x.y that each guest joins (256)\n"
		"  --members M            of the guests, the first M join (all)\n"
		"  --source-specific      they join as INCLUDE {the source}\n"
		"  --vlan V               guests from --trunk-from on send and get frames tagged "
		"V\n"
		"  --trunk-from I         (0)\n"
		"  --feed SOCKET          send frames there, too: an uplink's or a guest's\n"
		"  --feed-rate R          frames a second; 0, the default: as fast as they are "
		"taken\n"
		"  --feed-frames F        different frames, a power of two to 1024 (256)\n"
		"  --feed-size B          octets of each (64)\n"
		"  --feed-to I            unicast to guest I instead of groups\n"
		"  --stride D             between the numbers of two frames of the source (1)\n"
		"  --churn R              joins and leaves a second, together, of other groups\n"
		"  --probe latency|joins  time single frames, or joins and leaves of the last "
		"guest\n"
		"  --seconds S            one-second samples to take (5)\n"
		"  --hold                 take no samples before SIGUSR1\n"
		"  --linger               after the summary stand still, connected, until "
		"SIGTERM;\n"
		"                         a line of counts for each SIGUSR1\n"
		"  --verify PERIOD        check payload and order; the source repeats after PERIOD "
		"frames\n"
		"  --groups-per-report K  group records in one IGMPv3 report (128)\n"
		"  --report-gap-us U      time between reports, all guests together (2000)\n"
		"  --join-every S         seconds between passes of reports (10)\n"
		"  --pause-ns T           time between polls of a guest (1000)\n"
		"  --sleep-us T           sleep between polls instead of spinning\n"
		"  --yield                let others on the core before each poll\n"
		"  --cpu C                run on this core\n"
		"  --hugetlb              huge pages for guest memory\n"
		"  --connect-timeout S    wait so long for the sockets (30)\n");
	return code;
}

static bool number_parse(const char *text, unsigned int min, unsigned int max, unsigned int *value)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (end == text || *end || number < min || number > max)
		return false;
	*value = number;
	return true;
}

enum {
	OPT_SOCKETS = 256,
	OPT_GROUPS,
	OPT_SECONDS,
	OPT_HOLD,
	OPT_LINGER,
	OPT_VERIFY,
	OPT_PER_REPORT,
	OPT_GAP,
	OPT_EVERY,
	OPT_PAUSE,
	OPT_CPU,
	OPT_HUGETLB,
	OPT_CONNECT,
	OPT_MEMBERS,
	OPT_SOURCE_SPECIFIC,
	OPT_VLAN,
	OPT_TRUNK_FROM,
	OPT_FEED,
	OPT_FEED_RATE,
	OPT_FEED_FRAMES,
	OPT_FEED_SIZE,
	OPT_FEED_TO,
	OPT_STRIDE,
	OPT_CHURN,
	OPT_PROBE,
	OPT_SLEEP,
	OPT_YIELD
};

static const struct option long_options[] = {
	{"sockets", required_argument, NULL, OPT_SOCKETS},
	{"guests", required_argument, NULL, 'n'},
	{"groups", required_argument, NULL, OPT_GROUPS},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"hold", no_argument, NULL, OPT_HOLD},
	{"linger", no_argument, NULL, OPT_LINGER},
	{"verify", required_argument, NULL, OPT_VERIFY},
	{"groups-per-report", required_argument, NULL, OPT_PER_REPORT},
	{"report-gap-us", required_argument, NULL, OPT_GAP},
	{"join-every", required_argument, NULL, OPT_EVERY},
	{"pause-ns", required_argument, NULL, OPT_PAUSE},
	{"cpu", required_argument, NULL, OPT_CPU},
	{"hugetlb", no_argument, NULL, OPT_HUGETLB},
	{"connect-timeout", required_argument, NULL, OPT_CONNECT},
	{"members", required_argument, NULL, OPT_MEMBERS},
	{"source-specific", no_argument, NULL, OPT_SOURCE_SPECIFIC},
	{"vlan", required_argument, NULL, OPT_VLAN},
	{"trunk-from", required_argument, NULL, OPT_TRUNK_FROM},
	{"feed", required_argument, NULL, OPT_FEED},
	{"feed-rate", required_argument, NULL, OPT_FEED_RATE},
	{"feed-frames", required_argument, NULL, OPT_FEED_FRAMES},
	{"feed-size", required_argument, NULL, OPT_FEED_SIZE},
	{"feed-to", required_argument, NULL, OPT_FEED_TO},
	{"stride", required_argument, NULL, OPT_STRIDE},
	{"churn", required_argument, NULL, OPT_CHURN},
	{"probe", required_argument, NULL, OPT_PROBE},
	{"sleep-us", required_argument, NULL, OPT_SLEEP},
	{"yield", no_argument, NULL, OPT_YIELD},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool probe_parse(const char *name, enum probe_kind *kind)
{
	*kind = strcmp(name, "latency") == 0 ? PROBE_LATENCY : PROBE_JOINS;
	return *kind == PROBE_LATENCY || strcmp(name, "joins") == 0;
}

/* What loads the switch beyond joining: sending, churn, probes. */
static bool load_option_take(struct sink_options *opt, int c, const char *arg)
{
	unsigned int number;
	bool ok;

	switch (c) {
	case OPT_MEMBERS:
		return number_parse(arg, 0, SINK_GUESTS_MAX, &opt->n_members);
	case OPT_SOURCE_SPECIFIC:
		opt->is_source_specific = true;
		return true;
	case OPT_VLAN:
		return number_parse(arg, 1, 4094, &opt->vlan);
	case OPT_TRUNK_FROM:
		return number_parse(arg, 0, SINK_GUESTS_MAX, &opt->trunk_from);
	case OPT_FEED:
		opt->feed = arg;
		return true;
	case OPT_FEED_RATE:
		return number_parse(arg, 0, 1000 * 1000 * 1000, &opt->feed_rate);
	case OPT_FEED_FRAMES:
		return number_parse(arg, 1, FEEDER_RING, &opt->feed_load.n_frames) &&
		       FEEDER_RING % opt->feed_load.n_frames == 0;
	case OPT_FEED_SIZE:
		ok = number_parse(arg, FRAME_MIN_SIZE, FRAME_MAX_SIZE, &number);
		opt->feed_load.size = ok ? number : 0;
		return ok;
	case OPT_FEED_TO:
		ok = number_parse(arg, 0, SINK_GUESTS_MAX - 1, &number);
		opt->feed_load.to = ok ? (int)number : 0;
		return ok;
	case OPT_STRIDE:
		return number_parse(arg, 1, FRAME_GROUPS_MAX, &opt->stride);
	case OPT_CHURN:
		return number_parse(arg, 1, 1000 * 1000, &opt->churn_rate);
	case OPT_PROBE:
		return probe_parse(arg, &opt->probe);
	case OPT_YIELD:
		opt->yields = true;
		return true;
	case OPT_SLEEP:
		return number_parse(arg, 1, 1000 * 100, &opt->sleep_us);
	default:
		return false;
	}
}

/* One option; false if its value is wrong. */
static bool option_take(struct sink_options *opt, int c, const char *arg)
{
	unsigned int cpu;

	switch (c) {
	case OPT_SOCKETS:
		opt->sockets = arg;
		return true;
	case 'n':
		return number_parse(arg, 1, SINK_GUESTS_MAX, &opt->n_guests);
	case OPT_GROUPS:
		return number_parse(arg, 1, FRAME_GROUPS_MAX, &opt->n_groups);
	case OPT_SECONDS:
		return number_parse(arg, 1, SINK_SECONDS_MAX, &opt->seconds);
	case OPT_HOLD:
		opt->hold = true;
		return true;
	case OPT_LINGER:
		opt->linger = true;
		return true;
	case OPT_VERIFY:
		return number_parse(arg, 1, FRAME_GROUPS_MAX, &opt->period);
	case OPT_PER_REPORT:
		return number_parse(arg, 1, FRAME_REPORT_GROUPS_MAX, &opt->groups_per_report);
	case OPT_GAP:
		return number_parse(arg, 1, 10 * 1000 * 1000, &opt->report_gap_us);
	case OPT_EVERY:
		return number_parse(arg, 1, SINK_SECONDS_MAX, &opt->join_every_s);
	case OPT_PAUSE:
		return number_parse(arg, 0, 1000 * 1000, &opt->pause_ns);
	case OPT_CPU:
		if (!number_parse(arg, 0, CPU_SETSIZE - 1, &cpu))
			return false;
		opt->cpu = (int)cpu;
		return true;
	case OPT_HUGETLB:
		opt->hugetlb = true;
		return true;
	case OPT_CONNECT:
		return number_parse(arg, 1, SINK_SECONDS_MAX, &opt->connect_s);
	default:
		return load_option_take(opt, c, arg);
	}
}

/* What one option says about another. */
static bool options_are_sound(struct sink_options *opt)
{
	if (opt->n_members > opt->n_guests)
		opt->n_members = opt->n_guests;
	if (opt->is_source_specific && opt->groups_per_report > FRAME_REPORT_SOURCES_MAX)
		opt->groups_per_report = FRAME_REPORT_SOURCES_MAX;
	opt->feed_load.stride = opt->stride;
	return opt->sockets && (opt->probe != PROBE_LATENCY || opt->feed);
}

/* 0 to go on; 1 after --help; -EINVAL. */
static int options_parse(struct sink_options *opt, int argc, char **argv)
{
	int c;

	*opt = (struct sink_options){
		.n_guests = 1,
		.n_groups = 256,
		.n_members = SINK_GUESTS_MAX,
		.stride = 1,
		.feed_load = {.size = FRAME_MIN_SIZE, .n_frames = 256, .to = FEEDER_TO_GROUPS},
		.seconds = 5,
		.groups_per_report = 128,
		.report_gap_us = 2000,
		.join_every_s = 10,
		.pause_ns = 1000,
		.connect_s = 30,
		.cpu = -1,
	};
	while ((c = getopt_long(argc, argv, "n:h", long_options, NULL)) != -1) {
		if (c == 'h')
			return 1;
		if (!option_take(opt, c, optarg))
			return -EINVAL;
	}
	return options_are_sound(opt) && optind == argc ? 0 : -EINVAL;
}

static int cpu_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}

/* Stands still, and counts again whenever it gets the signal. */
static void linger(const struct sink *sink, const struct sink_options *options)
{
	signals.start = 0;
	while (options->linger && !signals.stop) {
		usleep(10 * 1000);
		if (!signals.start)
			continue;
		signals.start = 0;
		sink_recount(sink);
	}
}

int main(int argc, char **argv)
{
	struct sink_options options;
	struct sink *sink;
	int ret = options_parse(&options, argc, argv);

	if (ret != 0)
		return usage(ret < 0 ? 1 : 0);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGUSR1, on_signal);
	sink = sink_create(&options, &signals);
	prctl(PR_SET_TIMERSLACK, 1); /* ns: --sleep-us is to be what it says */
	ret = sink ? cpu_pin(options.cpu) : -ENOMEM;
	if (ret == 0)
		ret = sink_connect(sink);
	if (ret == 0)
		ret = sink_run(sink);
	if (ret == 0) {
		sink_summarise(sink);
		linger(sink, &options);
	} else {
		fprintf(stderr, "nullguest: %s\n", strerror(-ret));
	}
	sink_destroy(sink);
	return ret < 0 ? 2 : 0;
}
