/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEAM_TEAM_H
#define TEAM_TEAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bitset.h"

/*
 * NIC teaming (paper, "NIC Teaming Considerations"): (links, policy, guests) -> which uplink
 * carries whom. A pure function of its inputs and of the assignment that was in force, so that
 * nothing moves that need not.
 */
enum team_policy {
	TEAM_PORT_ID, /* originating virtual port ID: a guest keeps one uplink for both directions */
	TEAM_MAC_HASH, /* the same, chosen by the guest's MAC */
	TEAM_IP_HASH, /* per frame, by source and destination; the physical side is a port channel */
	TEAM_EXPLICIT, /* the first live uplink of active, then of standby, carries everyone */
};

#define TEAM_MAX_UPLINKS 16
#define TEAM_N_BUCKETS   64 /* ip-hash: a frame's hash modulo this names its bucket */
#define TEAM_NO_UPLINK   UINT16_MAX

struct team_config {
	enum team_policy policy;
	bool failback; /* return to a preferred uplink as soon as it is up again */
	uint8_t n_active;
	uint8_t n_standby;
	uint16_t active[TEAM_MAX_UPLINKS]; /* port ids, in order of preference */
	uint16_t standby[TEAM_MAX_UPLINKS];
};

struct team_guest {
	uint16_t port;
	struct mac_addr mac; /* all zero while unknown: mac-hash then falls back to the port id */
};

/* The assignment in force. Start with team_state_init: "nobody" is TEAM_NO_UPLINK, not zero. */
struct team_state {
	/* By guest port id. Under ip-hash the uplink of bucket (port id % TEAM_N_BUCKETS), for what
	 * needs one uplink and has no frame to hash. */
	uint16_t carrier[BITSET_SIZE];
	uint16_t bucket[TEAM_N_BUCKETS]; /* ip-hash only, else TEAM_NO_UPLINK */
	/* Who does the work of active[i]: itself, or what replaces it while it is down. */
	uint16_t slot[TEAM_MAX_UPLINKS];
	struct bitset listed; /* the guests of the last decision */
};

void team_state_init(struct team_state *s);

/* After a change of the configuration: the next decision applies policy and order of preference
 * afresh, also without failback. Guests that the new policy leaves where they are do not move. */
void team_state_reorder(struct team_state *s);

/*
 * Compute the assignment for these links and guests, starting from *s, and write it to *s. Guests
 * that are not listed get TEAM_NO_UPLINK; so does everyone when no uplink is live. moved (may be
 * NULL) receives the listed guests whose carrier changed, to another uplink, to none or from none;
 * a guest that the last decision did not list is new and not "moved".
 * live: port ids of uplinks that are up, administratively and physically.
 * Standby uplinks replace failed active ones one for one, in order (paper, "Explicit Failover").
 *
 * What moves: guests (ip-hash: buckets) of an uplink that is no longer in use, and with failback as
 * many as an uplink that came into use is due. port-id and ip-hash spread evenly, in the order of
 * guests; mac-hash by a rendezvous of MAC and uplink, so even only on average. Guests leaving or
 * MACs becoming known move nobody.
 */
void team_decide(const struct team_config *c, const struct bitset *live,
	const struct team_guest *guests, unsigned int n_guests, struct team_state *s,
	struct bitset *moved);

const char *team_policy_name(enum team_policy p); /* as in the configuration: "port-id" */
int team_policy_parse(const char *name, enum team_policy *out); /* 0 or -EINVAL */

#endif
