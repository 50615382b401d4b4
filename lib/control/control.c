/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_ether.h>

#include "control/control_private.h"
#include "fwd/group_table.h"
#include "fwd/retire.h"
#include "port/carrier.h"
#include "port/ring_stores.h"

/*
 * One event loop on the main lcore. Sockets, signals and the pipe of port facts wake it by
 * themselves; punt rings cannot, since a worker never calls the kernel, so a timer turns the loop
 * several times a millisecond. A turn reads the clock once, takes in what has come, lets due
 * timers act, and publishes what has changed as one new plane.
 */
#define TURN_US       200
#define SLOW_MS       100
#define FILTER_GAP_MS 5 /* joins that come together program the NICs once */

/* The one place that reads the clock. */
nsec ctl_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (nsec)ts.tv_sec * NSEC_PER_SEC + (nsec)ts.tv_nsec;
}

static void settle(struct control *c)
{
	if (c->topology_dirty)
		ctl_topology_publish(c);
	ctl_arrivals_advance(c);
	if (c->filters_dirty && c->now >= c->filters_due) {
		ctl_filters_program(c);
		c->filters_dirty = false;
		c->filters_due = c->now + nsec_from_ms(FILTER_GAP_MS);
	}
	retire_poll(c->wiring.retire);
}

static void turn(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	c->now = ctl_clock();
	ctl_punts_handle(c);
	membership_advance(c->membership, c->now);
	ctl_bursts_advance(c);
	ctl_beacons_advance(c);
	ctl_capture_advance(c);
	if (c->links_due <= c->now)
		ctl_ports_poll_links(c);
	settle(c);
}

static void slow_turn(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	c->now = ctl_clock();
	ctl_queriers_watch(c);
	ctl_restore_expire(c);
	ctl_nics_expire(c);
	ctl_state_advance(c);
	ctl_rates_advance(c);
	settle(c);
}

static void facts_readable(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	struct port_fact fact;

	c->now = ctl_clock();
	while (read(fd, &fact, sizeof(fact)) == sizeof(fact))
		ctl_port_fact(c, &fact);
	settle(c);
}

/* Changes come back as facts, through the pipe. */
static void carrier_readable(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	carrier_read(c->env.carrier);
}

static struct event *timer_event(struct control *c, event_callback_fn fn, long us)
{
	const struct timeval every = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
	struct event *e = event_new(c->base, -1, EV_PERSIST, fn, c);

	if (e != NULL)
		event_add(e, &every);
	return e;
}

/* Without rtnetlink it goes on: ports that want it say what they do instead. */
static int carrier_init(struct control *c, struct error *err)
{
	c->env.carrier = carrier_create(NULL);
	if (c->env.carrier == NULL)
		return 0;
	c->carrier_event = event_new(
		c->base, carrier_fd(c->env.carrier), EV_READ | EV_PERSIST, carrier_readable, c);
	if (c->carrier_event == NULL)
		return error_set(err, -ENOMEM, "cannot listen to rtnetlink");
	event_add(c->carrier_event, NULL);
	return 0;
}

static int loop_init(struct control *c, struct error *err)
{
	struct event_config *config = event_config_new();

	if (config != NULL) {
		event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
		c->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (c->base == NULL)
		return error_set(err, -ENOMEM, "cannot make an event loop");
	if (pipe2(c->facts_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	c->facts_event =
		event_new(c->base, c->facts_fds[0], EV_READ | EV_PERSIST, facts_readable, c);
	c->turn_timer = timer_event(c, turn, TURN_US);
	c->slow_timer = timer_event(c, slow_turn, SLOW_MS * 1000L);
	if (c->facts_event == NULL || c->turn_timer == NULL || c->slow_timer == NULL)
		return error_set(err, -ENOMEM, "cannot make the loop's timers");
	event_add(c->facts_event, NULL);
	return carrier_init(c, err);
}

static void loop_fini(struct control *c)
{
	struct event *events[] = {c->carrier_event, c->facts_event, c->slow_timer, c->turn_timer};

	for (unsigned int i = 0; i < 4; i++) {
		if (events[i] != NULL)
			event_free(events[i]);
	}
	carrier_destroy(c->env.carrier);
	for (unsigned int i = 0; i < 2; i++) {
		if (c->facts_fds[i] >= 0)
			close(c->facts_fds[i]);
	}
	if (c->base != NULL)
		event_base_free(c->base);
}

int control_create(const struct control_wiring *wiring, struct conf *conf, struct control **out,
	struct error *err)
{
	struct rte_ether_addr mac;
	struct control *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL) {
		conf_free(conf);
		return error_set(err, -ENOMEM, "no memory");
	}
	c->wiring = *wiring;
	c->fwd = wiring->fwd;
	c->conf = conf;
	c->facts_fds[0] = c->facts_fds[1] = -1;
	c->events.next = 1;
	c->now = c->started = ctl_clock();
	atomic_store(&c->fwd->idle_sleep_us, conf->idle_sleep_us);
	rte_eth_random_addr(mac.addr_bytes);
	memcpy(&c->mac, &mac, sizeof(c->mac));
	c->rates = ctl_rates_create(c);
	rc = c->rates != NULL ? loop_init(c, err) : error_set(err, -ENOMEM, "no memory");
	if (rc == 0) {
		c->env.pool = c->fwd->pool;
		c->env.qsbr = c->fwd->qsbr;
		c->env.facts_fd = c->facts_fds[1];
		c->env.ethdev_mtu = 1500;
		c->env.own_rings = conf->vhost_rings == CONF_RINGS_OWN;
		c->env.stream_octets = c->env.own_rings ? ring_stores_measure() : UINT64_MAX;
		ctl_plane_withdraw(c); /* from here on there is a plane, if an empty one */
		rc = atomic_load(&c->fwd->plane) != NULL
			     ? ctl_membership_init(c, err)
			     : error_set(err, -ENOMEM, "no memory for the first plane");
	}
	if (rc == 0)
		rc = ctl_ports_open(c, err);
	if (rc == 0)
		rc = ctl_teams_init(c, err);
	if (rc == 0 && ctl_topology_publish(c) < 0)
		rc = error_set(err, -ENOMEM, "no memory for a plane");
	if (rc == 0)
		rc = ctl_statics_apply(c, err);
	if (rc == 0)
		rc = ctl_state_open(c, err);
	if (rc < 0) {
		control_destroy(c);
		return rc;
	}
	c->filters_dirty = true;
	settle(c);
	*out = c;
	return 0;
}

void control_run(struct control *c)
{
	event_base_dispatch(c->base);
}

void control_stop(struct control *c)
{
	event_base_loopexit(c->base, NULL);
}

void control_destroy(struct control *c)
{
	if (c == NULL)
		return;
	control_capture_abort(c);
	ctl_state_close(c);
	ctl_ports_close(c);
	ctl_plane_destroy(c);
	membership_destroy(c->membership);
	ctl_vlans_free(c);
	free(c->group_base);
	ctl_rates_destroy(c->rates);
	loop_fini(c);
	conf_free(c->conf);
	free(c);
}

struct event_base *control_event_base(const struct control *c)
{
	return c->base;
}

const struct conf *control_conf(const struct control *c)
{
	return c->conf;
}

nsec control_now(const struct control *c)
{
	return c->now;
}
