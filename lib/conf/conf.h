/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/error.h"

/*
 * The configuration as one validated struct: what YAML (interface.md) and the command line say.
 * Whoever holds a struct conf may rely on: names unique and well formed, references resolved,
 * numbers in range, defaults filled in. Single threaded; owned by the caller.
 */
#define CONF_NAME_SIZE   32         /* [A-Za-z0-9][A-Za-z0-9_.-]{0,30} */
#define CONF_PATH_SIZE   108        /* sun_path; printable ASCII, as are devices */
#define CONF_MAX_TRUNK   4095       /* 0-4094 */
#define CONF_MAX_STATICS 4096       /* of a VLAN */
#define CONF_MAX_UPLINKS 16         /* and as many teams */
#define CONF_MAX_PORTS   256        /* uplinks and guests: BITSET_SIZE */
#define CONF_FILE_MAX    (1u << 20) /* bytes */
#define CONF_ERRORS_MAX  100        /* what comes after is counted */

enum conf_igmp_version { CONF_IGMP_V2 = 2, CONF_IGMP_V3 = 3, CONF_IGMP_AUTO = 0 };
enum conf_unregistered { CONF_UNREG_FLOOD, CONF_UNREG_ROUTER_PORTS, CONF_UNREG_DROP };
enum conf_querier { CONF_QUERIER_OFF, CONF_QUERIER_AUTO, CONF_QUERIER_ON };
enum conf_mode { CONF_MODE_SERVER, CONF_MODE_CLIENT };
/* Who reads and writes the guests' rings: the switch itself, or DPDK's vhost library. */
enum conf_rings { CONF_RINGS_OWN, CONF_RINGS_LIBRARY };
/* How the loss of a link is learnt. Of an uplink, zero leaves it to the driver file (driver.h). */
enum conf_link { CONF_LINK_UNSET, CONF_LINK_INTERRUPT, CONF_LINK_POLL, CONF_LINK_KERNEL };
/* What a device is told to let in: a list of addresses, all multicast, everything, or nothing since
 * it filters nothing. Of an uplink, zero leaves it to the driver file. */
enum conf_filter {
	CONF_FILTER_UNSET,
	CONF_FILTER_LIST,
	CONF_FILTER_ALL,
	CONF_FILTER_PROMISCUOUS,
	CONF_FILTER_NONE
};

struct conf_igmp {
	enum conf_igmp_version version; /* default 3 (paper page 7) */
	uint32_t queries;               /* 0-100, default 2 (paper page 8) */
	uint32_t query_gap_ms;          /* 1-60000, default 1000 */
	struct ip_addr router_address;  /* IPv4 unicast, default 10.0.0.0 (paper page 8) */
};

/* Who may use the control socket besides root and the switch's own user: names or numbers, empty
 * where not given. The owner and members of group may do everything; members of read_group only look. */
struct conf_control {
	char owner[CONF_NAME_SIZE], group[CONF_NAME_SIZE], read_group[CONF_NAME_SIZE];
};

struct conf_metrics {
	char listen[CONF_PATH_SIZE]; /* path of a socket, or ADDRESS:PORT; empty: nowhere */
};

struct conf_timers {
	uint32_t robustness;        /* 1-7, default 2 */
	uint32_t query_interval_ms; /* 1000-31744000, default 125000 */
	uint32_t query_response_ms; /* 100-3174400 and less than the interval, default 10000 */
	uint32_t last_member_interval_ms; /* 100-3174400, default 1000 */
};

struct conf_static {
	struct ip_addr group;  /* multicast, not link-local */
	struct ip_addr source; /* of the same family; unspecified (0.0.0.0 or ::): any */
	size_t n_ports;        /* guests or uplinks, 1 or more */
	char (*ports)[CONF_NAME_SIZE];
};

struct conf_vlan {
	uint16_t id; /* 0-4094 */
	enum conf_unregistered unregistered;
	bool strict; /* validation */
	struct conf_timers timers;
	enum conf_querier querier;
	struct ip_addr querier_address; /* IPv4, unicast or 0.0.0.0 */
	bool fast_leave;
	size_t n_router_ports; /* guests or uplinks that always get all multicast of the VLAN */
	char (*router_ports)[CONF_NAME_SIZE];
	size_t n_statics;
	struct conf_static *statics;
};

struct conf_uplink {
	char name[CONF_NAME_SIZE];
	char device[128]; /* PCI address or name of the vdev as EAL knows it */
	enum conf_link link;
	uint32_t poll_ms;           /* 10-60000, 0 leaves it to the driver file */
	uint32_t debounce_ms;       /* 0-60000: how long a link that came must stay before use */
	enum conf_filter multicast; /* list, all or unset */
};

struct conf_team {
	char name[CONF_NAME_SIZE];
	uint8_t policy; /* numbered as enum team_policy; conf does not include team, a test compares */
	bool all_vlans; /* then this is the only team */
	size_t n_vlans; /* ascending, without repeats */
	uint16_t *vlans;
	size_t n_active, n_standby;
	char active[CONF_MAX_UPLINKS][CONF_NAME_SIZE];
	char standby[CONF_MAX_UPLINKS][CONF_NAME_SIZE];
	bool notify_switches, failback, replay_memberships;
	bool channel_replay; /* ip-hash: replay as under the other policies */
	uint32_t beacon_ms;  /* 0-60000, 0: uplinks are not probed */
};

struct conf_guest {
	char name[CONF_NAME_SIZE];
	char socket[CONF_PATH_SIZE]; /* vhost-user; empty when device is given */
	char device[128];            /* an ethdev (tap, memif, VF) as a guest port */
	enum conf_mode mode;
	bool trunk;
	uint16_t vlan;  /* access VLAN, 0 untagged */
	size_t n_trunk; /* trunk: VLAN ids, ascending, without repeats; 0 is the untagged one */
	uint16_t *trunk_vlans;
	struct mac_addr mac;      /* all zero: learnt */
	char qmp[CONF_PATH_SIZE]; /* empty: none */
	bool router;              /* allow */
	struct {
		uint32_t groups;        /* 0-65536, default 1024 */
		uint32_t sources;       /* of one group: 0-4096, default 64 */
		uint32_t reports_per_s; /* 0-1000000, default 1000 */
	} limits;
	struct {
		bool promiscuous, mac_changes, forged_transmits; /* true: accept */
	} security;
};

struct conf {
	char control_socket[CONF_PATH_SIZE];
	enum conf_rings vhost_rings;
	uint32_t idle_sleep_us; /* 0-1000, 0: workers poll without rest */
	char state_file[256];   /* relative: beside the control socket; "none": none is kept */
	char path[4096];        /* of the file, empty when there is none */
	struct conf_control control;
	struct conf_metrics metrics;
	struct conf_igmp igmp;
	size_t n_vlans;
	struct conf_vlan *vlans; /* ascending by id */
	size_t n_uplinks;
	struct conf_uplink *uplinks;
	size_t n_teams; /* with the implied team of uplinks that are in none, if any */
	struct conf_team *teams;
	size_t n_guests;
	struct conf_guest *guests;
};

/* Every error of a file, so that one run of --check shows them all. */
struct conf_errors {
	size_t n;
	size_t n_dropped; /* beyond CONF_ERRORS_MAX */
	char **text;      /* "FILE:LINE: sentence", without FILE and LINE where there is none */
};

void conf_errors_add(struct conf_errors *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void conf_errors_free(struct conf_errors *e);

static inline size_t conf_errors_count(const struct conf_errors *e)
{
	return e->n + e->n_dropped;
}

/* Defaults only: no uplink, no guest, control socket /run/mcswitch/control.sock. NULL: no memory. */
struct conf *conf_new(void);
void conf_free(struct conf *c);

/* Read and validate a YAML file. NULL and at least one error when anything is wrong. */
struct conf *conf_load(const char *path, struct conf_errors *errors);
/* The same from memory; name stands for the file in errors and in conf.path. */
struct conf *conf_load_text(
	const char *name, const char *text, size_t size, struct conf_errors *errors);

/* "--uplink DEVICE[,name=NAME][,link=kernel]...": the keys are those of the YAML; name defaults to
 * the device with what a name may not hold replaced by '_'. 0 or -EINVAL. Call conf_validate when
 * all arguments are in. */
int conf_add_uplink_arg(struct conf *c, const char *arg, struct error *err);

/* "NAME=SOCKET[,vlan=N][,trunk=20+30][,mode=client][,mac=..][,qmp=PATH][,router=allow]
 * [,groups=N][,sources=N][,reports_per_s=N][,promiscuous=accept]..." or NAME=device:DEVICE,...
 * The keys are those of the YAML. */
int conf_add_guest_arg(struct conf *c, const char *arg, struct error *err);

/* The same as a struct, for guests that are added at run time. Defaults filled in. */
int conf_guest_parse(const char *arg, struct conf_guest *out, struct error *err);
/* Deep copy; conf_guest_fini frees what a guest owns, not the struct. 0 or -ENOMEM. */
int conf_guest_copy(struct conf_guest *to, const struct conf_guest *from);
void conf_guest_fini(struct conf_guest *g);

/* Cross-checks of the whole, and the implied team: uplinks in no team join the one named "default",
 * which is made if there is none. conf_load has done it; repeat it after arguments were added.
 * Adds to errors; 0, -EINVAL or -ENOMEM. */
int conf_validate(struct conf *c, struct conf_errors *errors);

/* Keep up with what runs. Add a copy of a guest, validated against everything that is there: 0, -EINVAL
 * with the first sentence, -ENOMEM. */
int conf_guest_add(struct conf *c, const struct conf_guest *guest, struct error *err);
/* Forget a guest, and static members that name it. */
void conf_guest_del(struct conf *c, const char *name);

/* Change one setting of a team: policy, active, standby, or one of the numbers and booleans, as
 * text; lists are names with commas. An uplink that is left out of one list joins the end of the other,
 * so that it stays in the team. 0, or -ENOENT or -EINVAL with a sentence; then nothing has changed. */
int conf_team_set(
	struct conf *c, const char *team, const char *key, const char *value, struct error *err);

/* Change one setting of a VLAN, which is named if the file did not: a key of the VLAN or of its timers,
 * or router_ports, a list of names with commas, or none. 0, -ENOMEM, or -EINVAL with a sentence; then
 * nothing has changed. */
int conf_vlan_set(
	struct conf *c, uint16_t id, const char *key, const char *value, struct error *err);

/* A static membership as text, without ports; source NULL: any. 0 or -EINVAL with a sentence. */
int conf_static_parse(
	const char *group, const char *source, struct conf_static *out, struct error *err);
/* Name a port in a static membership, or no longer. 0, -ENOMEM, -ENOENT where there is nothing to delete,
 * or -EINVAL with a sentence; then nothing has changed. */
int conf_static_add(struct conf *c, uint16_t vlan, const struct conf_static *what, const char *port,
	struct error *err);
int conf_static_del(struct conf *c, uint16_t vlan, const struct conf_static *what, const char *port,
	struct error *err);

/* The settings of a VLAN that the file does not name. */
void conf_vlan_defaults(struct conf_vlan *v, uint16_t id);
/* The VLAN's settings, NULL when the file does not name it. */
const struct conf_vlan *conf_vlan_find(const struct conf *c, uint16_t id);

/* Print as YAML that conf_load reads back to an equal struct. 0 or -EIO. */
int conf_print(const struct conf *c, FILE *out);

#endif
