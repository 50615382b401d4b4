/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MEMBERSHIP_MEMBERSHIP_H
#define MEMBERSHIP_MEMBERSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bitset.h"
#include "base/clock.h"
#include "pkt/group_msg.h"

/*
 * Who wants which group: IGMP and MLD snooping as a state machine. Facts and time go in; changes
 * and messages come out through a sink. It does no I/O, reads no clock and knows no DPDK, so every
 * rule of RFC 3376 and 3810 can be tested with a table of events and a number that plays the time.
 *
 * A row is (VLAN, group, port) and says from which origins it stands, in which filter mode, with
 * which sources, until when. Owner: the control lcore. `now` never goes back; a call with an earlier
 * one is taken as of the last. Every call that takes `now` first does all that was due before it.
 */
struct membership;

enum membership_origin {
	ORIGIN_SNOOPED,  /* reported by IGMP or MLD */
	ORIGIN_FILTER,   /* from the guest's NIC filter: exact to MAC, kept in its own rows */
	ORIGIN_STATIC,   /* configured */
	ORIGIN_RESTORED, /* imported or read back; provisional until reported or expired */
	ORIGIN_N,
};

/* A group is named by IP, or by MAC where only the MAC is known (origin filter). */
struct membership_group {
	bool is_mac;
	struct mac_addr mac; /* is_mac */
	struct ip_addr ip;   /* !is_mac */
};

struct membership_timers {
	uint32_t robustness; /* RV; RFC 3376 8.1 */
	nsec query_interval;
	nsec query_response;
	nsec last_member_interval; /* the count is RV */
};

enum membership_querier_mode { QUERIER_OFF, QUERIER_AUTO, QUERIER_ON };

struct membership_vlan {
	uint16_t id;
	struct membership_timers timers;
	enum membership_querier_mode querier;
	struct ip_addr querier_address[2]; /* [v6]; unspecified: asks guests alone */
	bool strict;
	bool fast_leave;
};

struct membership_port {
	uint16_t id;
	bool is_uplink;
	bool router_allowed;
	uint32_t max_groups;  /* over all VLANs; 0: none admitted */
	uint32_t max_sources; /* a group */
};

/* What the switch does with the message itself. X(symbol, name, sentence) */
#define MEMBERSHIP_VERDICTS(X)                                                                   \
	X(PASS_ROUTERS, "pass_routers", "goes on to router ports and the uplink")                \
	X(PASS_FLOOD, "pass_flood", "goes on to every port of the VLAN")                         \
	X(DROP_STRICT, "strict", "TTL, router alert or destination against the RFC")             \
	X(DROP_GUEST_QUERY, "guest_query", "query from a guest that may not be a router")        \
	X(DROP_GUEST_ROUTER, "guest_router", "PIM or MRD from a guest that may not be a router") \
	X(DROP_QUOTA_GROUPS, "quota_groups", "report over the guest's quota of groups")          \
	X(DROP_NO_MEMORY, "no_memory", "no memory for another row")

enum membership_verdict {
#define X(symbol, name, sentence) MEMBERSHIP_##symbol,
	MEMBERSHIP_VERDICTS(X)
#undef X
		MEMBERSHIP_N_VERDICTS,
};

const char *membership_verdict_name(enum membership_verdict v);
const char *membership_verdict_sentence(enum membership_verdict v);

enum membership_event_type {
	MEMBERSHIP_JOINED,          /* a port begins to want a group */
	MEMBERSHIP_LEFT,            /* a port ends it: leave, expiry, port gone; reason tells */
	MEMBERSHIP_QUERIER_CHANGED, /* address; unspecified: nobody, or we ourselves */
	MEMBERSHIP_ROUTER_ADDED,
	MEMBERSHIP_ROUTER_EXPIRED,
	MEMBERSHIP_QUOTA,
};

struct membership_event {
	enum membership_event_type type;
	uint16_t vlan;
	uint16_t port;
	struct membership_group group;
	struct ip_addr address; /* reporter, querier or router */
	const char *reason;     /* a word for people */
};

/* Outputs. None may call back into the machine but to read, and to say what was sent. */
struct membership_sink {
	void *ctx;
	/* Ask membership_forwarding for the group's new ports and publish them. Told once a change of
	 * what it answers; a refresh that changes nothing is not told. */
	void (*group_changed)(void *ctx, uint16_t vlan, const struct membership_group *group);
	/* Ask membership_router_ports. */
	void (*routers_changed)(void *ctx, uint16_t vlan);
	/* Send this query to these ports of the VLAN. MACs are the sender's business: eth_source and
	 * eth_destination are zero. */
	void (*send_query)(void *ctx, uint16_t vlan, const struct bitset *ports,
		const struct group_query *query);
	void (*event)(void *ctx, const struct membership_event *event);
};

/* seed: of the hash tables, so that guests cannot aim for collisions. NULL: no memory. */
struct membership *membership_create(const struct membership_sink *sink, uint64_t seed, nsec now);
void membership_destroy(struct membership *m);

/* Settings; each may be called again with other values and acts at once. 0, -ENOMEM, -EINVAL. */
int membership_vlan_set(struct membership *m, const struct membership_vlan *vlan, nsec now);
/* Forget a VLAN and its rows. */
void membership_vlan_del(struct membership *m, uint16_t vlan, nsec now);
int membership_port_set(struct membership *m, const struct membership_port *port, nsec now);
/* The ports (guests and uplinks) that take part in a VLAN: queries go to them; rows of others in
 * this VLAN end, configured ones too. Only ports named here are listened to: what others send is
 * counted and leaves no trace. */
void membership_vlan_ports(
	struct membership *m, uint16_t vlan, const struct bitset *ports, nsec now);
/* The guest is gone: its rows of every origin but static end at once. */
void membership_port_down(struct membership *m, uint16_t port, nsec now);
/* And forget the port itself. */
void membership_port_del(struct membership *m, uint16_t port, nsec now);

/* Facts. */
enum membership_verdict membership_message_seen(struct membership *m, uint16_t vlan, uint16_t port,
	const struct mac_addr *reporter, const struct group_msg *msg, nsec now);
void membership_malformed_seen(
	struct membership *m, uint16_t vlan, uint16_t port, enum group_msg_error error);

/* Configured membership; source unspecified: any. -ENOENT: no such VLAN, no port of it, nothing to
 * delete. -EINVAL: not a group that is ever forwarded by membership. 0, -ENOMEM. */
int membership_static_add(struct membership *m, uint16_t vlan, uint16_t port,
	const struct ip_addr *group, const struct ip_addr *source, nsec now);
int membership_static_del(struct membership *m, uint16_t vlan, uint16_t port,
	const struct ip_addr *group, const struct ip_addr *source, nsec now);
/* The guest's NIC filter as it is now: replaces what was known. Frames for one of these MACs are
 * admitted for the port until snooping knows a group of the port behind that MAC. all: the filter
 * takes every multicast frame (mode "all" or an overflown table); snooping does not refine that. Of
 * more than max_groups MACs the first ones count. 0, -ENOENT, -ENOMEM: what was known stands. */
int membership_filter_set(struct membership *m, uint16_t vlan, uint16_t port,
	const struct mac_addr *macs, unsigned int n, bool all, nsec now);
/* A membership that was exported or saved: provisional, ends after one group membership interval
 * unless reported. 0 (also when the group was heard since: that is known better), -ENOENT, -EDQUOT,
 * -ENOMEM. */
int membership_restore(struct membership *m, uint16_t vlan, uint16_t port,
	const struct ip_addr *group, bool exclude, const struct ip_addr *sources,
	unsigned int n_sources, nsec now);
/* A router port by configuration. */
int membership_router_static(
	struct membership *m, uint16_t vlan, uint16_t port, bool is_router, nsec now);

/* Time. Nothing is due before membership_next; advance does all that is due at now. */
nsec membership_next(const struct membership *m);
void membership_advance(struct membership *m, nsec now);

/*
 * Look-ups for publishing. members: ports that get the group from a source that is not listed
 * (EXCLUDE mode, static, restored, filter rows of the group's MAC that snooping does not refine).
 * sources: at most max; for each, all ports that get it from this source. Returns the number of
 * sources there are (may exceed max: call again with more room), -ENOENT when the group has no row.
 * For a MAC group n is 0.
 */
struct membership_source_ports {
	struct ip_addr source;
	struct bitset ports;
};
int membership_forwarding(const struct membership *m, uint16_t vlan,
	const struct membership_group *group, struct bitset *members,
	struct membership_source_ports *sources, unsigned int max);
/* Ports whose filter takes every multicast frame. They are members of every group that has an
 * answer above; the VLAN's policy must add them for the groups that have none. */
void membership_filter_all(const struct membership *m, uint16_t vlan, struct bitset *out);
void membership_router_ports(const struct membership *m, uint16_t vlan, struct bitset *out);

/* Is a querier known (or are we one) in this VLAN and family? `since` is the time at which that came
 * to be so, known or not. */
struct membership_querier_info {
	bool known;
	bool ours;
	uint8_t version; /* heard from it, or ours */
	uint16_t port;
	struct ip_addr address;
	nsec since, expires;             /* expires NSEC_NEVER when ours */
	struct membership_timers timers; /* adopted or configured */
};
void membership_querier(
	const struct membership *m, uint16_t vlan, bool v6, struct membership_querier_info *out);

/* Rows for people, in order of VLAN, group, port. fn returns false to stop. */
struct membership_row {
	uint16_t vlan, port;
	struct membership_group group;
	enum membership_origin origin; /* the strongest: snooped, static, restored, filter */
	bool exclude;
	unsigned int n_sources;
	nsec since;
	nsec expires;    /* NSEC_NEVER: permanent */
	uint8_t version; /* the oldest version heard behind this row */
};
struct membership_row_source {
	struct ip_addr source;
	bool forwarded; /* requested rather than excluded */
	nsec expires;
};
typedef bool membership_row_fn(
	const struct membership_row *row, const struct membership_row_source *sources, void *ctx);
/* vlan, port UINT16_MAX and group NULL: all. */
void membership_walk(const struct membership *m, uint16_t vlan, uint16_t port,
	const struct membership_group *group, membership_row_fn *fn, void *ctx);

/* Reporters behind the rows, for `show snooping`. */
struct membership_reporter {
	uint16_t vlan, port;
	struct ip_addr group, source; /* source unspecified: any */
	struct ip_addr address;
	struct mac_addr mac;
	nsec since, last_join, last_leave; /* last_leave 0: never */
};
void membership_walk_reporters(const struct membership *m, uint16_t vlan,
	bool (*fn)(const struct membership_reporter *r, void *ctx), void *ctx);

/* Messages counted per port: by type, version and family, received and sent; and the malformed. */
struct membership_counters {
	uint64_t queries_rx[2][4]; /* [v6][version] */
	uint64_t queries_tx[2][4];
	uint64_t reports_rx[2][4];
	uint64_t reports_tx[2][4];
	uint64_t leaves_rx[2], leaves_tx[2];
	uint64_t pim_rx, mrd_rx, unknown_rx;
	uint64_t errors[GROUP_MSG_N_ERRORS];
	uint64_t verdicts[MEMBERSHIP_N_VERDICTS];
	uint64_t odd_ttl, odd_alert, odd_destination, odd_source; /* lenient: counted and taken */
	uint64_t sources_capped; /* list over max_sources, taken as EXCLUDE{} */
};
/* A message left by these ports: one that went on, or of the switch's own. The machine counts nothing
 * as sent by itself; whoever sends knows by which ports. */
void membership_message_sent(struct membership *m, const struct bitset *ports, bool v6,
	enum group_msg_type type, uint8_t version);
/* NULL: no such port. */
const struct membership_counters *membership_port_counters(
	const struct membership *m, uint16_t port);

unsigned int membership_row_count(const struct membership *m, uint16_t port); /* UINT16_MAX: all */
/* Octets held for groups, rows, sources and reporters, peak included. */
size_t membership_memory(const struct membership *m);

#endif
