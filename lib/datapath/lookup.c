/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/burst.h"

/*
 * Step 3. One bulk look-up for the groups of a burst; a group that nobody joined by IP is looked
 * up by its MAC (memberships known from a guest's NIC filter), and what is left goes where the
 * VLAN sends unregistered groups.
 */
static struct ip_addr source_of(const struct group_key *key, struct rte_mbuf *m)
{
	const uint8_t *l3 = frame_data(m) + ETH_HEADER_SIZE;

	return ip_is_v4(&key->address) ? ip_from_octets(l3 + 12, false)
				       : ip_from_octets(l3 + 8, true);
}

/* RFC 4541 3: neighbour discovery must never break for want of a report. ff02::1:ff00:0/104 */
static bool is_solicited_node(const struct ip_addr *group)
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};

	return memcmp(group->b, prefix, sizeof(prefix)) == 0;
}

static const struct portset *unregistered(
	const struct plane_vlan *vlan, const struct group_key *key)
{
	if (key->kind != GROUP_KEY_IP || ip_is_v4(&key->address))
		return vlan->unregistered;
	return is_solicited_node(&key->address) ? vlan->flood : vlan->unregistered6;
}

static void found(struct worker *w, struct burst *b, uint16_t i, const struct group_entry *e)
{
	uint16_t frame = b->key_frame[i];

	w->x.group_packets[e->counter]++;
	if (likely(e->exceptions == NULL)) {
		b->set[frame] = e->set;
	} else {
		struct ip_addr source = source_of(&b->key[i], b->frame[frame]);

		b->set[frame] = group_entry_set(e, &source);
	}
}

static void lookup_by_mac(struct worker *w, struct burst *b, const uint16_t *missed, uint16_t n)
{
	const struct group_entry *entry[WORKER_BURST];
	struct group_key key[WORKER_BURST];

	for (uint16_t i = 0; i < n; i++) {
		const struct group_key *k = &b->key[missed[i]];
		struct mac_addr mac;

		key[i] = *k;
		if (k->kind == GROUP_KEY_IP) {
			mac = mac_from_group(&k->address);
			key[i] = group_key_mac(k->vlan, &mac);
		}
	}
	group_table_lookup_bulk(w->fwd->groups, key, n, entry);
	for (uint16_t i = 0; i < n; i++) {
		uint16_t frame = b->key_frame[missed[i]];

		if (entry[i] != NULL) {
			w->x.group_packets[entry[i]->counter]++;
			b->set[frame] = entry[i]->set;
		} else {
			b->set[frame] = unregistered(b->vlan[frame], &b->key[missed[i]]);
		}
	}
}

void lookup(struct worker *w, struct burst *b)
{
	const struct group_entry *entry[WORKER_BURST];
	uint16_t missed[WORKER_BURST], n_missed = 0;

	if (b->n_keys == 0)
		return;
	group_table_lookup_bulk(w->fwd->groups, b->key, b->n_keys, entry);
	for (uint16_t i = 0; i < b->n_keys; i++) {
		if (likely(entry[i] != NULL))
			found(w, b, i, entry[i]);
		else
			missed[n_missed++] = i;
	}
	if (n_missed > 0)
		lookup_by_mac(w, b, missed, n_missed);
}
