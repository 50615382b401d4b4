/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/error.h"
#include "membership/membership.h"

/*
 * The control lcore: the only writer. Facts come in (punted frames, link changes, guests that
 * connect and go, what operators ask) and publications go out (planes, group entries, frames to
 * inject). Everything declared here runs on the main lcore, inside the event loop; nothing is
 * thread safe and nothing needs to be.
 *
 * Order of every change: validate, build, publish in one step, retire after one grace period. A
 * change that cannot be applied says why and leaves the old state.
 */
struct conf;
struct conf_guest;
struct control;
struct event_base;
struct rte_ring;

/* What app hands over: the rings and pointers where control and the workers meet. */
struct control_wiring;

/* Operators' actions. 0 or a negative errno with a sentence in err. */
int control_guest_add(struct control *c, const struct conf_guest *guest, struct error *err);
int control_guest_del(struct control *c, const char *name, struct error *err);
/* Provoke a burst of synthetic queries to a guest (paper, page 4). */
int control_guest_query(struct control *c, const char *name, struct error *err);
/* A guest has moved in: what an orchestrator knows. Followed as if it had been noticed. */
int control_guest_migrated(struct control *c, const char *name, struct error *err);
/* A guest's memberships for another switch (control/handover.h), new reference in *out. */
int control_guest_export(struct control *c, const char *name, json_t **out, struct error *err);
/* Take what another switch has exported. Rows of a guest that is not connected wait for it. append: to
 * those that wait already. Rows over the guest's limit or of VLANs it does not use are refused. */
struct control_import {
	unsigned int n_admitted, n_waiting, n_refused;
};
int control_guest_import(struct control *c, const char *name, const json_t *handover, bool append,
	struct control_import *out, struct error *err);
/* key: "version" | "queries" | "query_gap_ms" | "router_address"; acts on the next burst. */
int control_igmp_set(struct control *c, const char *key, const char *value, struct error *err);
/* key: that of the VLAN's configuration or of its timers; acts at once, also where no guest uses the
 * VLAN yet. */
int control_vlan_set(
	struct control *c, uint16_t vlan, const char *key, const char *value, struct error *err);
/* A static membership of a port, added or deleted; source NULL: any. */
int control_static_set(struct control *c, bool add, uint16_t vlan, const char *group,
	const char *source, const char *port, struct error *err);
/* key: "policy" | "active" | "standby" | "failback" | "notify_switches" | "replay_memberships" |
 * "channel_replay" | "beacon_ms"; acts at once. */
int control_team_set(
	struct control *c, const char *team, const char *key, const char *value, struct error *err);
/* Administrative state of an uplink. */
int control_uplink_admin(struct control *c, const char *name, bool up, struct error *err);
/* Apply the difference between the configuration file and what runs, or refuse it whole. */
int control_reload(struct control *c, struct error *err);
/* Ask the loop to end; control_run returns. */
void control_stop(struct control *c);

const struct conf *control_conf(const struct control *c); /* what runs */

/* --- what can be seen --- */

struct control_status {
	const char *version; /* of mcswitch */
	const char *dpdk_version;
	nsec uptime;
	unsigned int n_workers, n_ports, n_guests, n_uplinks, n_groups, n_rows;
	unsigned int mbufs_in_use, mbufs_total;
	/* The terms of the conservation law: rx + injected + references = tx + punted + dropped,
	 * with frames that wait in a hand-over ring between two workers in flight. */
	uint64_t rx, injected, references, tx, punted, dropped, in_flight;
	bool law_holds; /* meaningful while no traffic flows */
	uint64_t punts_handled, punts_waiting;
};
void control_status(const struct control *c, struct control_status *out);

struct control_port {
	uint16_t id;
	char name[32];
	bool is_uplink;
	const char *kind;   /* "vhost-user" or the DPDK driver's name */
	const char *device; /* socket path or ethdev name */
	bool up;
	bool admin_up;
	bool trunk;
	uint16_t vlan; /* access VLAN */
	const uint16_t *trunk_vlans;
	size_t n_trunk_vlans;
	struct mac_addr mac;    /* all zero: not known yet */
	const char *mac_origin; /* "configured", "qmp", "learnt" or "" */
	unsigned int worker;    /* lcore id */
	int numa_node; /* of a device, or of the memory of a guest that is up; -1: not known */
	/* Of a guest: the name of the uplink that carries it, "" when none; under ip-hash the names
	 * of those that do together, with commas. */
	const char *carrier;
	const char *team; /* of an uplink, and in it "active" or "standby"; else "" */
	const char *role;
	bool in_use; /* an uplink that carries, or replaces one that would */
	bool lost;   /* an uplink whose probes reach nobody: it carries nobody */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_dropped, tx_dropped;
	/* Of the last second: frames, bits, and frames dropped on the way in or out. */
	uint64_t rx_pps, tx_pps, rx_bps, tx_bps, drop_pps;
	nsec since;                   /* of the present up or down state */
	const char *multicast_filter; /* of an uplink: "list of N" or "all-multicast" ... */
	const char *unicast_filter;   /* of an uplink: "list of N" or "promiscuous" */
	const char *nic_filter; /* of a guest with QMP: its own NIC's, as QEMU says; else "" */
	const char *link_mode;  /* of a device: how a change of link is learnt; else "" */
	const char *profile;    /* of a device: the driver file, and who overrides it; else "" */
	unsigned int n_rows;    /* memberships */
	uint64_t ring_faults;   /* of a guest: how often it has broken a ring */
};
typedef bool control_port_fn(const struct control_port *port, void *ctx);
void control_ports(const struct control *c, control_port_fn *fn, void *ctx);

/* Name of a port id, "?" when there is none. */
const char *control_port_name(const struct control *c, uint16_t id);
/* Port id of a name or -ENOENT. */
int control_port_find(const struct control *c, const char *name);

struct control_drop {
	const char *name; /* lower case with underscores */
	const char *sentence;
	const char *port; /* NULL: not of one port */
	uint64_t count;
	bool in_law; /* a worker's: it adds to the law's term; else a message that control refused */
};
/* Every reason of the switch, those with count 0 too; then, where ports are known, each port's. */
typedef bool control_drop_fn(const struct control_drop *drop, void *ctx);
void control_drops(const struct control *c, control_drop_fn *fn, void *ctx);

/* Frames forwarded for a group since its entry was made; 0 when there is no entry. */
uint64_t control_group_packets(
	const struct control *c, uint16_t vlan, const struct membership_group *group);
uint32_t control_group_pps(
	const struct control *c, uint16_t vlan, const struct membership_group *group);

struct control_group {
	uint16_t vlan;
	struct membership_group group;
	uint64_t packets;     /* as control_group_packets */
	uint32_t pps;         /* of the last second */
	unsigned int n_ports; /* that get it, uplinks and router ports included */
};
/* Every entry of the group table, in no order. */
typedef bool control_group_fn(const struct control_group *group, void *ctx);
void control_groups(const struct control *c, control_group_fn *fn, void *ctx);

/* Membership messages of a port, by kind. */
struct control_message {
	const char *port;
	bool v6, sent;
	const char *type;     /* "query", "report", "leave", "pim", "mrd", "unknown" */
	unsigned int version; /* 0: the kind has none */
	uint64_t count;       /* not 0 */
};
typedef bool control_message_fn(const struct control_message *message, void *ctx);
void control_messages(const struct control *c, control_message_fn *fn, void *ctx);

#define CONTROL_N_BURSTS  6
#define CONTROL_N_FANOUTS 9

struct control_core {
	unsigned int lcore, numa_node;
	bool is_control;
	unsigned int n_ports;
	uint64_t turns, busy_turns; /* of the worker's loop; busy: a frame was received */
	uint64_t rx, tx, cycles_busy;
	/* Of the last second. Of the control lcore, busy is time on its core. */
	uint64_t rx_pps, tx_pps, cycles_per_frame; /* 0: no frame */
	unsigned int busy_permille;
	unsigned int punt_ring_fill, punt_ring_size, inject_ring_fill, inject_ring_size;
	/* Bursts by frames, and frames sent on by ways (ports, and other workers as one each), in
	 * buckets of 1, 2, 3-4, 5-8 ...; ways: their sum. */
	uint64_t bursts[CONTROL_N_BURSTS], fanouts[CONTROL_N_FANOUTS], ways;
};
typedef bool control_core_fn(const struct control_core *core, void *ctx);
void control_cores(const struct control *c, control_core_fn *fn, void *ctx);

/* The last time that guests of a team changed uplink. */
struct control_failover {
	nsec at;              /* the new plane was published; NSEC_NEVER: never yet */
	nsec to_publish;      /* from the notice that led to it */
	nsec to_first_replay; /* from the new plane to the first report; n_replays 0: none */
	nsec to_last_replay;
	unsigned int n_guests, n_replays;
};

struct control_team {
	const char *name;
	const char *policy;
	bool failback, notify_switches, replay_memberships, channel_replay;
	unsigned int beacon_ms; /* 0: no probes */
	const char *const *active;
	size_t n_active;
	const char *const *standby;
	size_t n_standby;
	unsigned int n_guests; /* that are carried */
	struct control_failover failover;
};
typedef bool control_team_fn(const struct control_team *team, void *ctx);
void control_teams(const struct control *c, control_team_fn *fn, void *ctx);

/* The guests that an uplink carries in any VLAN; under ip-hash all members in use carry all. */
typedef bool control_carried_fn(const char *guest, void *ctx);
void control_carried(const struct control *c, uint16_t uplink, control_carried_fn *fn, void *ctx);

/* The machine itself, for its walks (membership_walk, _walk_reporters, _querier, counters). */
const struct membership *control_membership(const struct control *c);
/* VLANs in use, ascending; returns how many there are, writes at most max. */
unsigned int control_vlans(const struct control *c, uint16_t *out, unsigned int max);
nsec control_now(const struct control *c); /* the loop's time of this turn */

/* --- events: the last CONTROL_N_EVENTS are kept; watchers are told as they happen --- */

#define CONTROL_N_EVENTS 1024

/* A guest that has moved in, told when it is over; times are monotonic, 0: did not happen. */
struct control_migration {
	nsec at;                       /* detected; 0: this event is about no migration */
	uint8_t signs;                 /* what showed it, see control_sign_name */
	unsigned int n_rows[ORIGIN_N]; /* by origin; restored and filter: admitted at arrival */
	nsec filter;                   /* the NIC filter's groups admitted */
	nsec replay;                   /* the guest's groups reported for it */
	nsec query, answer;
	nsec frame; /* the first that the guest received, queries of ours aside */
};
/* Of bit i of signs: "vring", "rarp", "qmp", "operator"; NULL beyond. */
const char *control_sign_name(unsigned int sign);

struct control_event {
	uint64_t number;         /* 1, 2, 3 ... */
	nsec at;                 /* monotonic */
	uint64_t at_realtime_ms; /* since 1970, for people */
	const char
		*type;  /* "link", "guest", "join", "leave", "querier", "router", "quota", "burst",
	                     "failover", "migration", "config" */
	char text[224]; /* a line for people, without time */
	char port[32];  /* "" when not of one port */
	int vlan;       /* -1: none */
	char group[IP_STR_SIZE]; /* "" when none */
	struct control_migration migration;
};
/* From number on (0: all that are kept), oldest first. */
void control_events(const struct control *c, uint64_t from,
	bool (*fn)(const struct control_event *e, void *ctx), void *ctx);

struct control_watcher {
	struct control_watcher *next;
	void (*told)(struct control_watcher *w, const struct control_event *e);
};
void control_watch(struct control *c, struct control_watcher *w);
void control_unwatch(struct control *c, struct control_watcher *w);

/* --- capture: frames as they come in and leave, one listener at a time --- */

struct control_captured {
	const char *port;
	bool out;                /* it left by port; else it came in */
	uint64_t at_realtime_ns; /* since 1970 */
	uint32_t size;           /* of the whole frame, in octets, tag included */
	uint16_t n_octets;       /* of octets: 2048 or fewer */
	const uint8_t *octets;
};
struct control_capture_end {
	uint64_t n_frames, n_lost; /* told; copies that were lost on the way, for want of room */
	const char *why;
};
struct control_capture_sink {
	void *ctx;
	/* false: it cannot take the frame now, which is counted as lost */
	bool (*frame)(void *ctx, const struct control_captured *frame);
	void (*ended)(void *ctx, const struct control_capture_end *end); /* once; the last call */
};
/* port, group (an IP or MAC address; membership messages that concern it are included): NULL for all.
 * count 0: without end. -EBUSY when somebody captures, -ENOENT, -EINVAL, -ENOMEM with a sentence. */
int control_capture_start(struct control *c, const char *port, const char *group, uint64_t count,
	const struct control_capture_sink *sink, struct error *err);
void control_capture_stop(struct control *c);  /* what has been taken is still told, then ended */
void control_capture_abort(struct control *c); /* nothing more is told, not even ended */

struct event_base *control_event_base(const struct control *c);

#endif
