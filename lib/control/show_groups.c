/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/control_private.h"
#include "fwd/group_table.h"

/* What can be seen of groups, and of the messages that made them. */
struct group_walk {
	const struct control *control;
	control_group_fn *fn;
	void *ctx;
};

static bool group_tell(const struct group_entry *e, void *ctx)
{
	const struct group_walk *w = ctx;
	struct control_group g = {
		.vlan = e->key.vlan,
		.group = {.is_mac = e->key.kind == GROUP_KEY_MAC},
		.n_ports = bitset_count(&e->set->ports),
	};

	if (g.group.is_mac)
		memcpy(&g.group.mac, &e->key.address.b[10], sizeof(g.group.mac));
	else
		g.group.ip = e->key.address;
	g.packets = ctl_group_packets(w->control, e);
	g.pps = ctl_group_pps(w->control, e);
	return w->fn(&g, w->ctx);
}

void control_groups(const struct control *c, control_group_fn *fn, void *ctx)
{
	struct group_walk w = {c, fn, ctx};

	group_table_walk(c->fwd->groups, group_tell, &w);
}

struct message_walk {
	struct control_message message;
	control_message_fn *fn;
	void *ctx;
	bool ended;
};

static void message_tell(
	struct message_walk *w, const char *type, unsigned int version, bool sent, uint64_t count)
{
	if (count == 0 || w->ended)
		return;
	w->message.type = type;
	w->message.version = version;
	w->message.sent = sent;
	w->message.count = count;
	w->ended = !w->fn(&w->message, w->ctx);
}

static void port_messages_tell(struct message_walk *w, const struct membership_counters *k)
{
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		w->message.v6 = v6 != 0;
		for (unsigned int version = 0; version < 4; version++) {
			message_tell(w, "query", version, false, k->queries_rx[v6][version]);
			message_tell(w, "query", version, true, k->queries_tx[v6][version]);
			message_tell(w, "report", version, false, k->reports_rx[v6][version]);
		}
		message_tell(w, "leave", 0, false, k->leaves_rx[v6]);
	}
	w->message.v6 = false;
	message_tell(w, "pim", 0, false, k->pim_rx);
	message_tell(w, "mrd", 0, false, k->mrd_rx);
	message_tell(w, "unknown", 0, false, k->unknown_rx);
}

void control_messages(const struct control *c, control_message_fn *fn, void *ctx)
{
	struct message_walk w = {.fn = fn, .ctx = ctx};

	for (unsigned int id = 0; id < BITSET_SIZE && !w.ended; id++) {
		const struct membership_counters *k =
			membership_port_counters(c->membership, (uint16_t)id);

		if (!c->ports[id].used || k == NULL)
			continue;
		w.message.port = c->ports[id].name;
		port_messages_tell(&w, k);
	}
}
