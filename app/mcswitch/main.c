/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_pdump.h>
#include <rte_rcu_qsbr.h>
#include <rte_version.h>

#include "advisories.h"
#include "api/api.h"
#include "api/metrics.h"
#include "api/telemetry.h"
#include "args.h"
#include "control/wiring.h"
#include "datapath/worker.h"
#include "fwd/group_table.h"
#include "fwd/retire.h"
#include "logging.h"
#include "mcswitch_version.h"
#include "supervisor.h"

/*
 * The daemon: arguments, EAL, and then one explicit list that builds every part in order and
 * undoes it in reverse. Nothing here decides anything.
 */
enum exit_code { EXIT_ASKED = 0, EXIT_CONFIGURATION = 1, EXIT_ENVIRONMENT = 2, EXIT_FAULT = 3 };

#define MBUFS_BASE      16384 /* bursts, rings to and from control, caches */
#define MBUFS_A_DEVICE  4096  /* descriptor rings of an ethdev */
#define MBUF_CACHE_SIZE 256

struct daemon {
	struct args args;
	struct forwarding fwd;
	struct worker *workers[PLANE_MAX_WORKERS];
	struct portset_pool *sets;
	struct retire *retire;
	struct control *control;
	struct api *api;
	struct metrics *metrics;
	struct telemetry *telemetry;
	struct event *signals[2];
	struct logging logging;
	struct supervisor supervisor;
	unsigned int n_launched;
};

static int environment(struct daemon *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int environment(struct daemon *d, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	logging_say(&d->logging, LOG_LEVEL_ERROR, "%s", text);
	return -EIO;
}

/* --- the parts, in order --- */

static int dpdk_log_begin(struct daemon *d)
{
	logging_dpdk_begin(&d->logging);
	return 0;
}

static void dpdk_log_end(struct daemon *d)
{
	logging_dpdk_end(&d->logging);
}

static bool eal_is_given(const struct daemon *d, const char *option)
{
	for (int i = 1; i < d->args.eal_argc; i++) {
		if (strcmp(d->args.eal_argv[i], option) == 0)
			return true;
	}
	return false;
}

static int eal_begin(struct daemon *d)
{
	if (rte_eal_init(d->args.eal_argc, d->args.eal_argv) < 0)
		return environment(d, "EAL did not start: %s%s", rte_strerror(rte_errno),
			!eal_is_given(d, "--no-huge")
				? ". Without free hugepages it cannot: as root, \"echo 1024 > "
				  "/proc/sys/vm/nr_hugepages\", or run without them: --no-huge -m "
				  "512"
				: "");
	rte_log_set_level_pattern("lib.vhost.*", RTE_LOG_ERR);
	if (rte_lcore_count() < 2)
		return environment(d,
			"one lcore for control and at least one for a worker are wanted: -l "
			"0,1");
	if (rte_lcore_count() - 1 > PLANE_MAX_WORKERS)
		return environment(d, "%u worker lcores; %u are the most", rte_lcore_count() - 1,
			PLANE_MAX_WORKERS);
	return 0;
}

static void eal_end(struct daemon *d)
{
	rte_eal_cleanup();
}

/* So that dpdk-dumpcap can look at devices. Where EAL serves no other processes (--in-memory,
 * --no-shconf) this does nothing; a switch without it is a switch all the same. */
static int pdump_begin(struct daemon *d)
{
	if (rte_pdump_init() < 0)
		logging_say(&d->logging, LOG_LEVEL_WARNING,
			"dpdk-dumpcap will see nothing: %s; mcctl capture does",
			rte_strerror(rte_errno));
	return 0;
}

static void pdump_end(struct daemon *d)
{
	rte_pdump_uninit();
}

static struct rte_mempool *frames_create(unsigned int n, int node)
{
	return rte_pktmbuf_pool_create("frames", n, MBUF_CACHE_SIZE,
		RTE_ALIGN_CEIL(sizeof(struct frame_meta), RTE_MBUF_PRIV_ALIGN),
		RTE_MBUF_DEFAULT_BUF_SIZE, node);
}

/* Frames lie on the node of the first worker, since it is workers that copy them; where that node
 * has too few hugepages, on any. */
static int pool_begin(struct daemon *d)
{
	unsigned int first = rte_get_next_lcore(UINT_MAX, 1, 0);
	unsigned int n = MBUFS_BASE, devices = 0;

	devices = (unsigned int)d->args.conf->n_uplinks;
	for (size_t i = 0; i < d->args.conf->n_guests; i++)
		devices += d->args.conf->guests[i].device[0] != '\0';
	n += devices * MBUFS_A_DEVICE;
	d->fwd.pool = frames_create(n, (int)rte_lcore_to_socket_id(first));
	if (d->fwd.pool == NULL)
		d->fwd.pool = frames_create(n, SOCKET_ID_ANY);
	if (d->fwd.pool == NULL)
		return environment(d,
			"no memory for %u frame buffers (%u MiB): more hugepages, or a larger "
			"-m with --no-huge",
			n, n / 1024 * 25 / 10);
	return 0;
}

static void pool_end(struct daemon *d)
{
	rte_mempool_free(d->fwd.pool);
}

static int qsbr_begin(struct daemon *d)
{
	size_t size = rte_rcu_qsbr_get_memsize(PLANE_MAX_WORKERS);

	d->fwd.qsbr = rte_zmalloc("qsbr", size, RTE_CACHE_LINE_SIZE);
	if (d->fwd.qsbr == NULL || rte_rcu_qsbr_init(d->fwd.qsbr, PLANE_MAX_WORKERS) != 0)
		return environment(d, "no memory");
	return 0;
}

static void qsbr_end(struct daemon *d)
{
	rte_free(d->fwd.qsbr);
}

static int tables_begin(struct daemon *d)
{
	d->retire = retire_create(d->fwd.qsbr);
	if (d->retire != NULL)
		d->sets = portset_pool_create(d->retire);
	if (d->sets != NULL)
		d->fwd.groups = group_table_create(d->sets, d->retire);
	return d->fwd.groups != NULL ? 0 : environment(d, "no memory");
}

/* What is retired gives its sets back to the pool, and the pool retires those in turn. No reader is
 * left, so nothing waits. */
static void tables_end(struct daemon *d)
{
	group_table_destroy(d->fwd.groups);
	while (d->retire != NULL && retire_poll(d->retire) > 0)
		;
	portset_pool_destroy(d->sets);
	retire_destroy(d->retire);
}

static int workers_begin(struct daemon *d)
{
	unsigned int lcore;

	RTE_LCORE_FOREACH_WORKER (lcore) {
		struct worker *w = worker_create(&d->fwd, d->fwd.n_workers, lcore);

		if (w == NULL)
			return environment(d, "no memory for the worker on lcore %u", lcore);
		d->workers[d->fwd.n_workers] = w;
		d->fwd.worker[d->fwd.n_workers++] = &w->x;
	}
	return workers_connect(d->workers, d->fwd.n_workers) < 0 ? environment(d, "no memory") : 0;
}

static void workers_end(struct daemon *d)
{
	for (unsigned int i = 0; i < d->fwd.n_workers; i++)
		worker_destroy(d->workers[i]);
}

static int control_begin(struct daemon *d)
{
	const struct control_wiring wiring = {
		.fwd = &d->fwd,
		.sets = d->sets,
		.retire = d->retire,
		.drivers = d->args.drivers,
		.version = MCSWITCH_VERSION,
	};
	struct conf *conf = d->args.conf;
	struct error err;

	d->args.conf = NULL;
	if (control_create(&wiring, conf, &d->control, &err) < 0)
		return environment(d, "%s", err.text);
	return 0;
}

static void control_end(struct daemon *d)
{
	control_destroy(d->control);
}

static int events_log_begin(struct daemon *d)
{
	logging_events_begin(&d->logging, d->control);
	return 0;
}

static void events_log_end(struct daemon *d)
{
	logging_events_end(&d->logging);
}

static int api_begin(struct daemon *d)
{
	struct error err;

	d->api = api_create(d->control, control_conf(d->control)->control_socket, &err);
	return d->api != NULL ? 0 : environment(d, "%s", err.text);
}

static void api_end(struct daemon *d)
{
	api_destroy(d->api);
}

static int metrics_begin(struct daemon *d)
{
	struct error err;

	if (control_conf(d->control)->metrics.listen[0] == '\0')
		return 0;
	d->metrics = metrics_create(d->control, &err);
	return d->metrics != NULL ? 0 : environment(d, "%s", err.text);
}

static void metrics_end(struct daemon *d)
{
	metrics_destroy(d->metrics);
}

static int telemetry_begin(struct daemon *d)
{
	struct error err;

	if (eal_is_given(d, "--no-telemetry"))
		return 0;
	d->telemetry = telemetry_create(d->control, &err);
	return d->telemetry != NULL ? 0 : environment(d, "%s", err.text);
}

static void telemetry_end(struct daemon *d)
{
	telemetry_destroy(d->telemetry);
}

static void asked_to_stop(evutil_socket_t sig, short what, void *arg)
{
	control_stop(arg);
}

static int signals_begin(struct daemon *d)
{
	static const int numbers[] = {SIGINT, SIGTERM};

	signal(SIGPIPE, SIG_IGN);
	for (unsigned int i = 0; i < 2; i++) {
		d->signals[i] = evsignal_new(
			control_event_base(d->control), numbers[i], asked_to_stop, d->control);
		if (d->signals[i] == NULL || event_add(d->signals[i], NULL) < 0)
			return environment(d, "no memory");
	}
	return 0;
}

static void signals_end(struct daemon *d)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (d->signals[i] != NULL)
			event_free(d->signals[i]);
	}
}

static int launch_begin(struct daemon *d)
{
	for (unsigned int i = 0; i < d->fwd.n_workers; i++) {
		if (rte_eal_remote_launch(worker_run, d->workers[i], d->workers[i]->x.lcore) != 0)
			return environment(d, "lcore %u is busy", d->workers[i]->x.lcore);
		d->n_launched++;
	}
	return 0;
}

static void launch_end(struct daemon *d)
{
	for (unsigned int i = 0; i < d->n_launched; i++)
		worker_stop(d->workers[i]);
	rte_eal_mp_wait_lcore();
}

/* Last to begin, first to end: ready means that frames are moved. */
static int supervisor_part_begin(struct daemon *d)
{
	struct error err;

	if (supervisor_begin(&d->supervisor, d->control, &d->logging, &err) < 0)
		return environment(d, "%s", err.text);
	return 0;
}

static void supervisor_part_end(struct daemon *d)
{
	supervisor_end(&d->supervisor);
}

static const struct {
	int (*begin)(struct daemon *d);
	void (*end)(struct daemon *d);
} parts[] = {
	{dpdk_log_begin, dpdk_log_end},
	{eal_begin, eal_end},
	{pdump_begin, pdump_end},
	{pool_begin, pool_end},
	{qsbr_begin, qsbr_end},
	{tables_begin, tables_end},
	{workers_begin, workers_end},
	{control_begin, control_end},
	{events_log_begin, events_log_end},
	{api_begin, api_end},
	{metrics_begin, metrics_end},
	{telemetry_begin, telemetry_end},
	{signals_begin, signals_end},
	{launch_begin, launch_end},
	{supervisor_part_begin, supervisor_part_end},
};

#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

/* Once, before anything can fail: which library stands between the guests and this host. */
static void dpdk_tell(struct daemon *d)
{
	char lacking[512];

	logging_say(
		&d->logging, LOG_LEVEL_INFO, "mcswitch %s, %s", MCSWITCH_VERSION, rte_version());
	if (advisories_lacking(rte_version(), lacking, sizeof(lacking)) > 0)
		logging_say(&d->logging, LOG_LEVEL_WARNING,
			"%s lacks the fixes of %s; docs/security.md tells what that means",
			rte_version(), lacking);
}

static int daemon_run(struct daemon *d)
{
	const struct conf *conf;
	size_t n = 0;
	int rc = 0;

	dpdk_tell(d);
	while (n < N_PARTS && rc == 0)
		rc = parts[n++].begin(d);
	if (rc == 0) {
		conf = control_conf(d->control);
		logging_say(&d->logging, LOG_LEVEL_INFO,
			"serving %zu uplinks and %zu guests with %u workers; mcctl --socket %s",
			conf->n_uplinks, conf->n_guests, d->fwd.n_workers, conf->control_socket);
		control_run(d->control);
	}
	while (n > 0)
		parts[--n].end(d);
	return rc == 0 ? EXIT_ASKED : EXIT_ENVIRONMENT;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	int rc;

	/* Large blocks go back to the kernel when they are freed; left alone, glibc raises its
	 * threshold and keeps what a single long answer or a saved state once took. */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	logging_init(&d.logging, LOG_LEVEL_INFO);
	rc = args_parse(argc, argv, &d.logging, &d.args);
	if (rc == 0 && d.args.check)
		printf("mcswitch: the configuration is right\n");
	if (rc != 0 || d.args.check) {
		conf_free(d.args.conf);
		conf_drivers_free(d.args.drivers);
		return rc < 0 ? EXIT_CONFIGURATION : EXIT_ASKED;
	}
	rc = daemon_run(&d);
	conf_free(d.args.conf);
	conf_drivers_free(d.args.drivers);
	return rc;
}
