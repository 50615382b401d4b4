/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROL_CONTROL_PRIVATE_H
#define CONTROL_CONTROL_PRIVATE_H

#include <event2/event.h>

#include "base/bitset.h"
#include "conf/conf.h"
#include "control/arrival.h"
#include "control/handover.h"
#include "control/wiring.h"
#include "fwd/exchange.h"
#include "port/port.h"
#include "team/beacon.h"
#include "team/team.h"

#define CONTROL_MAX_TEAMS     16
#define CONTROL_MAX_MORE_MACS 64 /* learnt behind one guest whose forged transmits are accepted */

struct ctl_nic;
struct ctl_capture;
struct ctl_rates;
struct group_entry;
struct state_file;

/* A port as control knows it: uplink or guest, configured or added at run time. */
struct ctl_port {
	bool used;
	uint16_t id;
	bool is_uplink;
	char name[CONF_NAME_SIZE];
	struct port *port;
	struct conf_guest guest; /* !is_uplink; owned */
	struct mac_addr mac;     /* of a guest, all zero while unknown */
	bool mac_from_qmp;
	struct mac_addr more_macs[CONTROL_MAX_MORE_MACS];
	unsigned int n_more_macs;
	uint8_t worker; /* index */
	bool up, admin_up;
	bool lost;    /* of an uplink: its probes reach nobody */
	bool logging; /* dirty logging: the guest is being moved out */
	nsec since;
	char profile[96];     /* of a device: the driver file and what overrides it */
	nsec poll_due;        /* of the link's state */
	uint32_t debounce_ms; /* a link that came is used when it has stayed that long */
	nsec up_due;          /* it came, and this is when; 0: nothing to wait for */
	uint8_t igmp_version, mld_version; /* last heard from the guest, 0: nothing yet */
	struct ip_addr address[2];         /* [v6] of its reports; all zero: nothing yet */
	struct ctl_nic *nic;               /* NULL: no QMP */
	bool filter_all;                   /* its NIC takes every multicast frame */
	uint64_t n_injected;               /* frames of ours on their way to it */
	uint64_t rx_at_up;                 /* frames received from it, when it came up */
	struct ctl_arrival arrival;
	struct {
		struct handover *rows; /* to be admitted when the guest is there; NULL: none */
		bool imported;
		bool logged; /* kept of a guest that was moving out */
		nsec until;
	} pending;
	struct { /* synthetic queries still to send */
		unsigned int left;
		nsec due;
	} burst;
};

struct ctl_team {
	const struct conf_team *conf;
	struct team_config config;
	struct team_state state;
	struct bitset moved; /* by decisions that are not published yet */
	struct control_failover failover;
	char channel[256];    /* ip-hash: the uplinks in use, for people; else "" */
	struct beacon beacon; /* of all members, by port id */
	nsec beacon_due;
};

/* One VLAN that a guest uses. */
struct ctl_vlan {
	uint16_t id;
	bool configured_due;       /* tell membership what is configured for its ports */
	struct bitset ports;       /* guests and the team's uplinks */
	struct bitset routers;     /* as membership told last */
	struct bitset always;      /* in every group entry of the VLAN, as published */
	struct {                   /* [v6] */
		nsec silent_since; /* nobody asks; 0: somebody does */
		bool is_missing;   /* for longer than the grace period */
	} querier[2];
};

struct ctl_events {
	struct control_event kept[CONTROL_N_EVENTS];
	uint64_t next; /* number of the next event, from 1 */
	struct control_watcher *watchers;
};

struct control {
	struct control_wiring wiring;
	struct forwarding *fwd;
	struct conf *conf;
	struct event_base *base;
	struct event *turn_timer, *slow_timer, *facts_event, *carrier_event;
	int facts_fds[2]; /* read end, write end */
	struct port_env env;
	nsec now, started;
	nsec fact_at;        /* when the last fact about a port was taken in */
	struct mac_addr mac; /* of the switch itself, for queries it sends as querier */

	struct ctl_port ports[BITSET_SIZE];
	struct ctl_team teams[CONTROL_MAX_TEAMS];
	unsigned int n_teams;
	struct ctl_vlan *vlans; /* ascending */
	unsigned int n_vlans;
	struct membership *membership;

	bool topology_dirty; /* a new plane is due at the end of the turn */
	bool filters_dirty;  /* the NICs' address lists do not match */
	nsec filters_due;
	nsec links_due; /* the next port to be asked for its link, or to be taken as up */
	uint64_t punts_handled;
	/* Workers only ever count up; a port id's counts begin when its present owner came. */
	struct port_counters counters_base[BITSET_SIZE];
	uint64_t *group_base; /* [GROUP_TABLE_MAX_COUNTERS]; pages come with use */
	struct {
		struct state_file *file; /* NULL: none */
		bool dirty;
		nsec due, next;
		int error;
	} state;
	struct ctl_rates *rates;
	struct ctl_capture *capture; /* NULL: nobody looks on */
	struct ctl_events events;
};

/* ports.c */
int ctl_ports_open(struct control *c, struct error *err);
void ctl_ports_close(struct control *c);
/* Open and make known; in the next plane. 0, or a negative errno with a sentence. */
int ctl_uplink_open(struct control *c, const struct conf_uplink *u, struct error *err);
int ctl_guest_open(struct control *c, const struct conf_guest *g, struct error *err);
unsigned int ctl_worker_node(const struct control *c, uint8_t worker); /* NUMA */
void ctl_port_place(struct control *c, struct ctl_port *p);
/* The port is in no published plane: wait until no worker can be using it, then let it go. */
void ctl_port_let_go(struct control *c, struct ctl_port *p);
/* Tell membership of the port's limits. 0 or -ENOMEM. */
int ctl_port_settings_tell(struct control *c, const struct ctl_port *p);
void ctl_port_source_seen(
	struct control *c, struct ctl_port *p, uint16_t vlan, const struct mac_addr *mac);
/* QEMU's word on a guest's address: before what was learnt, after what is configured. */
void ctl_port_mac_told(struct control *c, struct ctl_port *p, const struct mac_addr *mac);
/* Where the guest's reports come from; unspecified: not known. */
static inline struct ip_addr ctl_port_address(const struct ctl_port *p, bool v6)
{
	bool known = ip_is_v4(&p->address[v6]) != v6;

	return known ? p->address[v6] : ip_unspecified(v6);
}
bool ctl_port_uses_vlan(const struct ctl_port *p, uint16_t vlan);
static inline struct ctl_port *ctl_port_get(struct control *c, unsigned int id)
{
	return id < BITSET_SIZE && c->ports[id].used ? &c->ports[id] : NULL;
}

/* links.c */
void ctl_port_fact(struct control *c, const struct port_fact *fact);
void ctl_ports_poll_links(struct control *c); /* those that are due */

/* profile.c: what the device of an uplink, or of a guest (u is NULL), is told, and why, in text.
 * 0, or a negative errno with a sentence. */
int ctl_profile_find(const struct control *c, const char *device, const struct conf_uplink *u,
	struct port_profile *out, char *text, size_t size, struct error *err);

/* teams.c: who carries whom */
int ctl_teams_init(struct control *c, struct error *err);
/* The configuration is another, the old one still in memory: teams of the same name keep what they
 * carry. */
void ctl_teams_reload(struct control *c);
void ctl_teams_decide(struct control *c);
const struct ctl_team *ctl_team_of_vlan(const struct control *c, uint16_t vlan);
const struct ctl_team *ctl_team_of_uplink(const struct control *c, uint16_t uplink);
/* Is this a guest with a VLAN of the team's? */
bool ctl_team_serves(const struct control *c, const struct ctl_team *t, const struct ctl_port *p);
/* Who carries a guest in the VLAN; TEAM_NO_UPLINK: nobody. */
uint16_t ctl_carrier(const struct control *c, uint16_t vlan, uint16_t guest);
/* The uplink by which the switch speaks for itself, once; TEAM_NO_UPLINK: none lives. */
uint16_t ctl_team_speaker(const struct control *c, uint16_t vlan);
bool ctl_uplink_works(const struct control *c, uint16_t uplink);
bool ctl_uplink_in_use(const struct ctl_team *t, uint16_t uplink);

/* beacons.c: probes between a team's uplinks */
void ctl_beacons_init(struct ctl_team *t);
void ctl_beacons_advance(struct control *c);
void ctl_beacon_seen(struct control *c, uint16_t port, const uint8_t *frame, size_t size);
bool ctl_uplink_probes(const struct control *c, uint16_t uplink);

/* topology.c: (ports, VLANs, teams) -> plane */
int ctl_topology_publish(struct control *c);
/* Tell membership of a VLAN's settings, of every VLAN's. */
void ctl_vlan_settings_tell(struct control *c, uint16_t id);
void ctl_vlans_settings_tell(struct control *c);
struct ctl_vlan *ctl_vlan_find(const struct control *c, uint16_t id);
void ctl_vlans_free(struct control *c);
/* No port in any worker's hands from now on; workers have stopped or a grace period passes. */
void ctl_plane_withdraw(struct control *c);
void ctl_plane_destroy(struct control *c); /* workers have stopped */

nsec ctl_clock(void);

/* show.c */
void ctl_counters_rebase(struct control *c, uint16_t id);
void ctl_port_counters(const struct control *c, uint16_t id, struct port_counters *out);
struct ctl_packets {
	uint64_t rx, tx;
};
struct ctl_packets ctl_port_packets(const struct control *c, uint16_t id);

/* vlan_settings.c: static members and router ports. 0 or -ENOMEM: not all were told */
int ctl_vlans_configured_tell(struct control *c); /* of VLANs that are due */
int ctl_statics_apply(struct control *c, struct error *err);

/* capture.c */
void ctl_capture_advance(struct control *c);
void ctl_capture_port_gone(struct control *c, uint16_t id);

/* rates.c: of the last second */
struct ctl_port_rates {
	uint64_t rx_pps, tx_pps, rx_bps, tx_bps, drop_pps;
};
struct ctl_core_rates {
	uint64_t rx_pps, tx_pps, cycles_per_frame; /* 0: no frame */
	uint32_t busy_permille;
};
struct ctl_rates *ctl_rates_create(const struct control *c); /* NULL: no memory */
void ctl_rates_destroy(struct ctl_rates *r);
void ctl_rates_advance(struct control *c); /* each slow turn */
const struct ctl_port_rates *ctl_port_rates(const struct control *c, uint16_t id);
const struct ctl_core_rates *ctl_core_rates(const struct control *c, unsigned int worker);
uint32_t ctl_control_busy_permille(const struct control *c); /* of this lcore's time */
uint32_t ctl_group_pps(const struct control *c, const struct group_entry *e);

/* groups.c: membership -> group table */
int ctl_membership_init(struct control *c, struct error *err);
void ctl_groups_republish(struct control *c, uint16_t vlan);
uint64_t ctl_group_packets(const struct control *c, const struct group_entry *e);
/* Look whether each VLAN has a querier; without one, unregistered groups are flooded in time. */
void ctl_queriers_watch(struct control *c);

/* punt.c */
unsigned int ctl_punts_handle(struct control *c);

/* inject.c: frames of the switch's own, and membership messages that may go on */
void ctl_inject(struct control *c, struct rte_mbuf *m, uint16_t vlan, const struct bitset *to);
void ctl_inject_bytes(struct control *c, const uint8_t *frame, size_t size, uint16_t vlan,
	const struct bitset *to);
/* A guest's frame, out of the uplink that carries it in the VLAN; under ip-hash, that the frame's
 * addresses name. Returns that uplink, or nothing. */
struct bitset ctl_inject_from(struct control *c, const struct ctl_port *guest, const uint8_t *frame,
	size_t size, uint16_t vlan);

/* query.c: queries as querier, and synthetic bursts to guests */
struct ip_addr ctl_link_local(const struct mac_addr *m);
void ctl_query_send(struct control *c, uint16_t vlan, const struct bitset *ports,
	const struct group_query *query);
void ctl_burst_start(struct control *c, struct ctl_port *p);
void ctl_bursts_advance(struct control *c);

/* moved.c: what follows when guests have come to another uplink: the new plane is published */
void ctl_moved_follow(struct control *c);
/* A reverse ARP for each address of the guest, out of the uplink that carries it. */
void ctl_notify_switches(struct control *c, const struct ctl_port *guest, uint16_t vlan);

/* replay.c: the reports of the guest's groups in its name, both families, out of the uplink that
 * carries it. Returns how many; *first, where it is 0, becomes the time of the first one. */
unsigned int ctl_replay(
	struct control *c, const struct ctl_port *guest, uint16_t vlan, nsec *first);

/* guest_nic.c: the guest's NIC as QEMU tells; all but open are fine without QMP */
int ctl_nic_open(struct control *c, struct ctl_port *p); /* 0 or -ENOMEM */
void ctl_nic_close(struct ctl_port *p);
void ctl_nic_ask(struct ctl_port *p); /* there is reason to read its filter again */
void ctl_nic_port_down(struct ctl_port *p);
const char *ctl_nic_text(const struct ctl_port *p);
void ctl_nics_expire(struct control *c);

/* restore.c */
struct handover *ctl_restore_take(const struct control *c, const struct ctl_port *p);
void ctl_restore_keep(struct control *c, struct ctl_port *p);   /* before its rows end */
void ctl_restore_saved(struct ctl_port *p, struct handover *h); /* h is taken */
/* The connection is gone: a guest that was moving out has moved. */
void ctl_restore_closed(struct ctl_port *p);
bool ctl_restore_lasts(const struct ctl_port *p);
void ctl_restore_drop(struct ctl_port *p);
void ctl_restore_port_up(struct control *c, struct ctl_port *p);
unsigned int ctl_restore_admit(struct control *c, struct ctl_port *p); /* returns rows */
void ctl_restore_expire(struct control *c);

/* state.c */
int ctl_state_open(struct control *c, struct error *err);
void ctl_state_close(struct control *c); /* saves */
void ctl_state_changed(struct control *c);
void ctl_state_advance(struct control *c);

/* filters.c */
void ctl_filters_program(struct control *c);

/* events.c */
void ctl_event(struct control *c, const char *type, const struct ctl_port *p, int vlan,
	const struct membership_group *group, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
void ctl_event_migration(struct control *c, const struct ctl_port *p,
	const struct control_migration *m, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

const char *ctl_group_format(const struct membership_group *g, char *buf);

#endif
