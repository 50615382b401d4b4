/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "control/control_private.h"
#include "fwd/group_table.h"

/*
 * Counters a second ago, and what came of them. Ports and cores are looked at once a second. Groups
 * may be a million, so their counters, an array a worker, are read in blocks, a tenth of the blocks
 * each tenth of a second: a block's rate is of its own second, and no turn is long.
 */
#define N_PHASES     10 /* slow turns a second */
#define BLOCK_GROUPS 1024

struct ctl_rates {
	unsigned int phase;
	nsec at; /* of ports and cores */
	uint64_t tsc;
	uint64_t cpu; /* of this lcore, ns */
	uint32_t control_busy_permille;
	struct port_counters port[BITSET_SIZE];
	struct ctl_port_rates port_rates[BITSET_SIZE];
	struct worker_counters core[PLANE_MAX_WORKERS];
	struct ctl_core_rates core_rates[PLANE_MAX_WORKERS];
	nsec group_at[N_PHASES]; /* of the blocks of each phase */
	uint64_t *group;         /* [GROUP_TABLE_MAX_COUNTERS]; pages come with use */
	uint32_t *group_pps;
};

struct ctl_rates *ctl_rates_create(const struct control *c)
{
	struct ctl_rates *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->at = c->now;
	r->tsc = rte_rdtsc();
	for (unsigned int i = 0; i < N_PHASES; i++)
		r->group_at[i] = c->now;
	r->group = calloc(GROUP_TABLE_MAX_COUNTERS, sizeof(*r->group));
	r->group_pps = calloc(GROUP_TABLE_MAX_COUNTERS, sizeof(*r->group_pps));
	if (r->group != NULL && r->group_pps != NULL)
		return r;
	ctl_rates_destroy(r);
	return NULL;
}

void ctl_rates_destroy(struct ctl_rates *r)
{
	if (r == NULL)
		return;
	free(r->group);
	free(r->group_pps);
	free(r);
}

/* Rounded, so that a thousand a second is 1000 although the second was 1.0004. */
static uint64_t rate(uint64_t now, uint64_t before, nsec dt)
{
	return (uint64_t)((double)(now - before) * (double)NSEC_PER_SEC / (double)dt + 0.5);
}

static void ports_sample(struct control *c, nsec dt)
{
	struct ctl_rates *r = c->rates;

	for (unsigned int id = 0; id < BITSET_SIZE; id++) {
		struct port_counters *last = &r->port[id], n;

		if (!c->ports[id].used)
			continue;
		ctl_port_counters(c, (uint16_t)id, &n);
		r->port_rates[id] = (struct ctl_port_rates){
			.rx_pps = rate(n.rx_packets, last->rx_packets, dt),
			.tx_pps = rate(n.tx_packets, last->tx_packets, dt),
			.rx_bps = 8 * rate(n.rx_bytes, last->rx_bytes, dt),
			.tx_bps = 8 * rate(n.tx_bytes, last->tx_bytes, dt),
			.drop_pps = rate(n.rx_dropped + n.tx_dropped,
				last->rx_dropped + last->tx_dropped, dt),
		};
		*last = n;
	}
}

static uint32_t permille(uint64_t part, uint64_t whole)
{
	if (whole == 0)
		return 0;
	return part >= whole ? 1000 : (uint32_t)(part * 1000 / whole);
}

static void cores_sample(struct control *c, nsec dt)
{
	struct ctl_rates *r = c->rates;
	uint64_t tsc = rte_rdtsc(), cpu;
	struct timespec ts;

	for (unsigned int i = 0; i < c->fwd->n_workers; i++) {
		const struct worker_counters n = c->fwd->worker[i]->counters;
		uint64_t rx = n.rx - r->core[i].rx;
		uint64_t cycles = n.busy_cycles - r->core[i].busy_cycles;

		r->core_rates[i] = (struct ctl_core_rates){
			.rx_pps = rate(n.rx, r->core[i].rx, dt),
			.tx_pps = rate(n.tx, r->core[i].tx, dt),
			.busy_permille = permille(cycles, tsc - r->tsc),
			.cycles_per_frame = rx > 0 ? cycles / rx : 0,
		};
		r->core[i] = n;
	}
	r->tsc = tsc;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	cpu = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	r->control_busy_permille = permille(cpu - r->cpu, dt);
	r->cpu = cpu;
}

static void block_sample(struct control *c, unsigned int from, unsigned int to, nsec dt)
{
	struct ctl_rates *r = c->rates;

	for (unsigned int i = from; i < to; i++) {
		uint64_t n = 0;

		for (unsigned int w = 0; w < c->fwd->n_workers; w++)
			n += c->fwd->worker[w]->group_packets[i];
		if (n == r->group[i] && r->group_pps[i] == 0)
			continue; /* a page that nobody uses stays away */
		r->group_pps[i] = (uint32_t)rate(n, r->group[i], dt);
		r->group[i] = n;
	}
}

static void groups_sample(struct control *c, unsigned int phase)
{
	unsigned int n = group_table_n_counters(c->fwd->groups);
	nsec dt = c->now - c->rates->group_at[phase];

	if (dt == 0)
		return;
	for (unsigned int i = phase * BLOCK_GROUPS; i < n; i += N_PHASES * BLOCK_GROUPS)
		block_sample(c, i, i + BLOCK_GROUPS < n ? i + BLOCK_GROUPS : n, dt);
	c->rates->group_at[phase] = c->now;
}

void ctl_rates_advance(struct control *c)
{
	struct ctl_rates *r = c->rates;

	groups_sample(c, r->phase);
	if (r->phase == 0 && c->now > r->at) {
		ports_sample(c, c->now - r->at);
		cores_sample(c, c->now - r->at);
		r->at = c->now;
	}
	r->phase = (r->phase + 1) % N_PHASES;
}

const struct ctl_port_rates *ctl_port_rates(const struct control *c, uint16_t id)
{
	return &c->rates->port_rates[id];
}

const struct ctl_core_rates *ctl_core_rates(const struct control *c, unsigned int worker)
{
	return &c->rates->core_rates[worker];
}

uint32_t ctl_control_busy_permille(const struct control *c)
{
	return c->rates->control_busy_permille;
}

uint32_t ctl_group_pps(const struct control *c, const struct group_entry *e)
{
	return c->rates->group_pps[e->counter];
}
