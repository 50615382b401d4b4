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
		"  --seconds S            one-second samples to take (5)\n"
		"  --hold                 take no samples before SIGUSR1\n"
		"  --linger               after the summary stand still, connected, until SIGTERM\n"
		"  --verify PERIOD        check payload and order; the source repeats after PERIOD "
		"frames\n"
		"  --groups-per-report K  group records in one IGMPv3 report (128)\n"
		"  --report-gap-us U      time between reports, all guests together (2000)\n"
		"  --join-every S         seconds between passes of reports (10)\n"
		"  --pause-ns T           time between polls of a guest (1000)\n"
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
	OPT_CONNECT
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
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

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
		return false;
	}
}

/* 0 to go on; 1 after --help; -EINVAL. */
static int options_parse(struct sink_options *opt, int argc, char **argv)
{
	int c;

	*opt = (struct sink_options){
		.n_guests = 1,
		.n_groups = 256,
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
	return opt->sockets && optind == argc ? 0 : -EINVAL;
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
	ret = sink ? cpu_pin(options.cpu) : -ENOMEM;
	if (ret == 0)
		ret = sink_connect(sink);
	if (ret == 0)
		ret = sink_run(sink);
	if (ret == 0) {
		sink_summarise(sink);
		while (options.linger && !signals.stop)
			usleep(10 * 1000);
	} else {
		fprintf(stderr, "nullguest: %s\n", strerror(-ret));
	}
	sink_destroy(sink);
	return ret < 0 ? 2 : 0;
}
