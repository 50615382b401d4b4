/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/control_private.h"
#include "pkt/eth.h"

/*
 * What a guest has joined, reported in its name by the switch (current-state records, so source
 * lists are kept), as the VLAN's querier speaks: a snooping switch that hears it forwards to where
 * the guest now is, after one packet and not after the guest's random delay.
 */
#define FRAME_SIZE  1514
#define ROOM_IPV4   (FRAME_SIZE - ETH_HEADER_SIZE - 20 - 4 - 8) /* for records: router alert, head */
#define ROOM_IPV6   (FRAME_SIZE - ETH_HEADER_SIZE - 40 - 8 - 8)
#define MAX_RECORDS (ROOM_IPV4 / 8)
#define MAX_SOURCES (ROOM_IPV4 / 4)

struct replay {
	struct control *c;
	const struct ctl_port *guest;
	uint16_t vlan;
	bool v6;
	uint8_t version;       /* as the VLAN's querier speaks */
	struct ip_addr source; /* the guest's address, as its reports had it */
	unsigned int n_frames;
	nsec *first; /* the time of the first frame; 0: there was none yet */
	size_t room; /* what is left in the report, in octets */
	unsigned int n_records, n_sources;
	struct group_report_record records[MAX_RECORDS];
	struct ip_addr sources[MAX_SOURCES];
};

static size_t address_size(const struct replay *r)
{
	return r->v6 ? 16 : 4;
}

static void reports_send(
	struct replay *r, const struct group_report_record *records, unsigned int n)
{
	const struct group_report report = {
		.version = r->version,
		.eth_source = r->guest->mac,
		.source = r->source,
		.router_alert = true,
		.n_records = (uint16_t)n,
		.records = records,
	};
	uint8_t frame[FRAME_SIZE];
	int size = group_report_build(&report, frame, sizeof(frame));
	struct bitset to;

	if (size <= 0)
		return;
	to = ctl_inject_from(r->c, r->guest, frame, (size_t)size, r->vlan);
	membership_message_sent(r->c->membership, &to, r->v6, GROUP_MSG_RECORDS, r->version);
	if (*r->first == 0)
		*r->first = ctl_clock();
	r->n_frames++;
}

static void report_begin(struct replay *r)
{
	r->room = r->v6 ? ROOM_IPV6 : ROOM_IPV4;
	r->n_records = 0;
	r->n_sources = 0;
}

/* IGMPv3 and MLDv2 bundle records; older versions say one group a message, without sources. */
static void report_end(struct replay *r)
{
	bool bundles = r->version == (r->v6 ? 2 : 3);

	if (bundles && r->n_records > 0)
		reports_send(r, r->records, r->n_records);
	for (unsigned int i = 0; !bundles && i < r->n_records; i++)
		reports_send(r, &r->records[i], 1);
	report_begin(r);
}

static void record_begin(struct replay *r, const struct membership_row *row)
{
	r->records[r->n_records++] = (struct group_report_record){
		.type = row->exclude ? GROUP_RECORD_IS_EX : GROUP_RECORD_IS_IN,
		.group = row->group.ip,
		.sources = &r->sources[r->n_sources],
	};
	r->room -= 4 + address_size(r);
}

/* A list that overflows a report: INCLUDE goes on in the next one, EXCLUDE excludes fewer, so that
 * nothing that is wanted is lost (RFC 3376 4.2.16, RFC 3810 5.2.15). */
static bool source_add(
	struct replay *r, const struct membership_row *row, const struct ip_addr *source)
{
	if (r->room < address_size(r)) {
		if (row->exclude)
			return false;
		report_end(r);
		record_begin(r, row);
	}
	r->sources[r->n_sources++] = *source;
	r->records[r->n_records - 1].n_sources++;
	r->room -= address_size(r);
	return true;
}

static bool replay_row(
	const struct membership_row *row, const struct membership_row_source *sources, void *ctx)
{
	struct replay *r = ctx;
	size_t n_listed = 0;

	if (row->group.is_mac || ip_is_v4(&row->group.ip) == r->v6)
		return true;
	/* INCLUDE lists what is requested, EXCLUDE what is not. */
	for (unsigned int i = 0; i < row->n_sources; i++)
		n_listed += sources[i].forwarded != row->exclude;
	if (n_listed == 0 && !row->exclude)
		return true;
	if (4 + address_size(r) * (1 + n_listed) > r->room)
		report_end(r);
	record_begin(r, row);
	for (unsigned int i = 0; i < row->n_sources; i++) {
		if (sources[i].forwarded != row->exclude && !source_add(r, row, &sources[i].source))
			break;
	}
	return true;
}

/* The address that the guest's own reports came from. */
static bool reporter_find(const struct membership_reporter *reporter, void *ctx)
{
	struct replay *r = ctx;

	if (reporter->port != r->guest->id || ip_is_v4(&reporter->group) == r->v6)
		return true;
	r->source = reporter->address;
	return false;
}

/* The querier's; without one, what the guest spoke when the switches beyond heard it last. */
static uint8_t version_choose(
	const struct control *c, const struct ctl_port *guest, uint16_t vlan, bool v6)
{
	uint8_t heard = v6 ? guest->mld_version : guest->igmp_version;
	struct membership_querier_info querier;

	membership_querier(c->membership, vlan, v6, &querier);
	if (querier.known && !querier.ours && querier.version > 0)
		return querier.version;
	return heard > 0 ? heard : (v6 ? 2 : 3);
}

static unsigned int replay_family(
	struct control *c, const struct ctl_port *guest, uint16_t vlan, bool v6, nsec *first)
{
	static struct replay r; /* large; control is one thread */

	r.c = c;
	r.guest = guest;
	r.vlan = vlan;
	r.v6 = v6;
	r.version = version_choose(c, guest, vlan, v6);
	r.source = ctl_port_address(guest, v6);
	r.n_frames = 0;
	r.first = first;
	if (ip_is_unspecified(&r.source))
		membership_walk_reporters(c->membership, vlan, reporter_find, &r);
	report_begin(&r);
	membership_walk(c->membership, vlan, guest->id, NULL, replay_row, &r);
	report_end(&r);
	return r.n_frames;
}

unsigned int ctl_replay(struct control *c, const struct ctl_port *guest, uint16_t vlan, nsec *first)
{
	return replay_family(c, guest, vlan, false, first) +
	       replay_family(c, guest, vlan, true, first);
}
