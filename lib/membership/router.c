/* SPDX-License-Identifier: BSD-3-Clause */
#include "membership/router.h"

#include "membership/vlan_state.h"

static struct vlan_port *vlan_port_of(struct router_port *router)
{
	return (struct vlan_port *)((char *)router - offsetof(struct vlan_port, router));
}

/* Tell of the port's place among the router ports if it is another one now. */
static void router_publish(struct membership *m, struct router_port *router, const char *reason)
{
	struct vlan_port *vp = vlan_port_of(router);
	bool is_router = router->is_static || timer_is_running(&router->timer);
	struct membership_event e = {
		.type = is_router ? MEMBERSHIP_ROUTER_ADDED : MEMBERSHIP_ROUTER_EXPIRED,
		.vlan = vp->vlan->conf.id,
		.port = vp->port,
		.address = router->address,
		.reason = reason,
	};

	if (bitset_has(&vp->vlan->routers, vp->port) == is_router)
		return;
	if (is_router)
		bitset_set(&vp->vlan->routers, vp->port);
	else
		bitset_clear(&vp->vlan->routers, vp->port);
	machine_event(m, &e);
	if (m->sink.routers_changed != NULL)
		m->sink.routers_changed(m->sink.ctx, vp->vlan->conf.id);
}

void router_seen(
	struct membership *m, struct vlan_port *vp, const struct ip_addr *address, nsec hold)
{
	struct router_port *router = &vp->router;

	if (hold == 0) { /* one router's goodbye is not that of another one behind the port */
		if (ip_equal(&router->address, address))
			machine_timer_stop(m, WHEEL_ROUTER, &router->timer);
		router_publish(m, router, "goodbye");
		return;
	}
	router->address = *address;
	if (!timer_is_running(&router->timer) || router->timer.deadline < m->now + hold)
		machine_timer_start(m, WHEEL_ROUTER, &router->timer, hold);
	router_publish(m, router, "heard");
}

void router_static_set(struct membership *m, struct vlan_port *vp, bool is_router)
{
	vp->router.is_static = is_router;
	router_publish(m, &vp->router, "static");
}

void router_end(struct membership *m, struct vlan_port *vp, bool with_static)
{
	machine_timer_stop(m, WHEEL_ROUTER, &vp->router.timer);
	if (with_static)
		vp->router.is_static = false;
	router_publish(m, &vp->router, "port gone");
}

void router_timer_expire(struct membership *m, struct timer *t)
{
	router_publish(m, (struct router_port *)((char *)t - offsetof(struct router_port, timer)),
		"timeout");
}
