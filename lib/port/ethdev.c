/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_dev_event_callback_*, in DPDK since 18.05 and marked experimental in 22.11. */
#define ALLOW_EXPERIMENTAL_API
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_ethdev.h>
#include <rte_kvargs.h>

#include "port/port_private.h"

/*
 * A port that DPDK drives. One receive and one transmit queue, owned by one worker. mbufs are
 * shared between ports by reference, so MBUF_FAST_FREE is never asked for.
 */
static int device_find(const char *device, uint16_t *ethdev, struct error *err)
{
	char there[256] = "";
	size_t used = 0;
	uint16_t i;

	if (rte_eth_dev_get_port_by_name(device, ethdev) == 0)
		return 0;
	RTE_ETH_FOREACH_DEV (i) {
		char name[RTE_ETH_NAME_MAX_LEN];

		if (rte_eth_dev_get_name_by_port(i, name) == 0 && used < sizeof(there))
			used += (size_t)snprintf(there + used, sizeof(there) - used, "%s%s",
				used > 0 ? ", " : "", name);
	}
	return error_set(err, -ENODEV,
		"no device \"%s\": EAL found %s; give it with -a (PCI) or --vdev before the \"--\"",
		device, used > 0 ? there : "none");
}

/* Told by the device (surprise removal), or asked for by the host (vfio's request before a hot-unplug),
 * and then again and again until it is released. */
static void device_removed(struct port *p)
{
	if (atomic_exchange(&p->removed, true))
		return;
	atomic_store(&p->up, false);
	port_tell(p, PORT_REMOVED);
}

static void device_event(const char *device, enum rte_dev_event_type type, void *arg)
{
	(void)device;
	if (type == RTE_DEV_EVENT_REMOVE)
		device_removed(arg);
}

static int link_event(uint16_t ethdev, enum rte_eth_event_type type, void *arg, void *ret_param)
{
	struct port *p = arg;
	struct rte_eth_link link;

	(void)ret_param;
	if (type == RTE_ETH_EVENT_INTR_RMV) {
		device_removed(p);
		return 0;
	}
	if (atomic_load(&p->removed) || rte_eth_link_get_nowait(ethdev, &link) < 0)
		return 0;
	atomic_store(&p->up, link.link_status == RTE_ETH_LINK_UP);
	port_tell(p, link.link_status == RTE_ETH_LINK_UP ? PORT_UP : PORT_DOWN);
	return 0;
}

static int queues_start(struct port *p, const struct rte_eth_dev_info *info, struct error *err)
{
	int node = rte_eth_dev_socket_id(p->ethdev);
	uint16_t n_rx = p->profile.n_rx_descriptors, n_tx = p->profile.n_tx_descriptors;
	struct rte_eth_conf conf = {0};
	struct rte_eth_txconf tx = info->default_txconf;
	const char *step = "configure";
	int rc;

	if (p->profile.vlan_strip)
		conf.rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
	conf.txmode.offloads = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	conf.intr_conf.lsc = p->profile.link == PORT_LINK_INTERRUPT;
	tx.offloads = conf.txmode.offloads;
	rc = rte_eth_dev_configure(p->ethdev, 1, 1, &conf);
	if (rc == 0) {
		step = "size the rings of";
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->ethdev, &n_rx, &n_tx);
	}
	if (rc == 0) {
		step = "set up the receive queue of";
		rc = rte_eth_rx_queue_setup(p->ethdev, 0, n_rx, (unsigned int)node, NULL, p->pool);
	}
	if (rc == 0) {
		step = "set up the transmit queue of";
		rc = rte_eth_tx_queue_setup(p->ethdev, 0, n_tx, (unsigned int)node, &tx);
	}
	if (rc == 0) {
		step = "start";
		rc = rte_eth_dev_start(p->ethdev);
	}
	if (rc < 0)
		return error_set(err, rc, "device %s: driver %s cannot %s it: %s", p->device,
			p->driver, step, strerror(-rc));
	return 0;
}

static int device_info(
	const char *device, uint16_t *ethdev, struct rte_eth_dev_info *info, struct error *err)
{
	int rc = device_find(device, ethdev, err);

	if (rc < 0)
		return rc;
	rc = rte_eth_dev_info_get(*ethdev, info);
	return rc < 0 ? error_set(err, rc, "device %s: %s", device, strerror(-rc)) : 0;
}

int port_ethdev_driver(const char *device, char driver[PORT_DRIVER_SIZE], struct error *err)
{
	struct rte_eth_dev_info info;
	uint16_t ethdev;
	int rc = device_info(device, &ethdev, &info, err);

	if (rc == 0)
		snprintf(driver, PORT_DRIVER_SIZE, "%s", info.driver_name);
	return rc;
}

static int iface_seen(const char *key, const char *value, void *ctx)
{
	*(unsigned int *)ctx = value != NULL ? if_nametoindex(value) : 0;
	return 0;
}

/* The device's kernel interface, as the driver tells it or as its "iface=" names it; 0: none. */
static unsigned int interface_of(const struct rte_eth_dev_info *info)
{
	const struct rte_devargs *args = rte_dev_devargs(info->device);
	struct rte_kvargs *pairs;
	unsigned int ifindex = 0;

	if (info->if_index != 0 || args == NULL || args->args == NULL)
		return info->if_index;
	pairs = rte_kvargs_parse(args->args, NULL);
	if (pairs != NULL)
		rte_kvargs_process(pairs, "iface", iface_seen, &ifindex);
	rte_kvargs_free(pairs);
	return ifindex;
}

static void carrier_changed(struct carrier_watch *w)
{
	struct port *p = (struct port *)((char *)w - offsetof(struct port, watch));

	atomic_store(&p->up, w->up);
	port_tell(p, w->up ? PORT_UP : PORT_DOWN);
}

/* What is wanted, as far as the device has it; else it is asked, and the text says why. */
static void link_mode_choose(struct port *p, const struct rte_eth_dev_info *info)
{
	unsigned int ifindex = interface_of(info);
	char name[IF_NAMESIZE] = "?";
	const char *why = "";

	if (p->profile.link == PORT_LINK_INTERRUPT && !(*info->dev_flags & RTE_ETH_DEV_INTR_LSC))
		why = ": the device has no link interrupt";
	if (p->profile.link == PORT_LINK_KERNEL && p->env->carrier == NULL)
		why = ": rtnetlink cannot be used here";
	else if (p->profile.link == PORT_LINK_KERNEL && ifindex == 0)
		why = ": the device has no kernel interface";
	if (why[0] != '\0')
		p->profile.link = PORT_LINK_POLL;
	if_indextoname(ifindex, name);
	switch (p->profile.link) {
	case PORT_LINK_INTERRUPT:
		snprintf(p->link_text, sizeof(p->link_text), "interrupt");
		break;
	case PORT_LINK_POLL:
		snprintf(p->link_text, sizeof(p->link_text), "poll every %u ms%s",
			p->profile.poll_ms, why);
		break;
	case PORT_LINK_KERNEL:
		snprintf(p->link_text, sizeof(p->link_text), "kernel carrier of %s", name);
		p->watch.ifindex = (int)ifindex;
		p->watch.changed = carrier_changed;
		break;
	}
}

/* From here on changes are told. */
static void link_watch(struct port *p)
{
	if (p->profile.link == PORT_LINK_INTERRUPT)
		rte_eth_dev_callback_register(p->ethdev, RTE_ETH_EVENT_INTR_LSC, link_event, p);
	rte_eth_dev_callback_register(p->ethdev, RTE_ETH_EVENT_INTR_RMV, link_event, p);
	rte_dev_event_callback_register(p->device, device_event, p);
	if (p->profile.link == PORT_LINK_KERNEL)
		carrier_watch(p->env->carrier, &p->watch);
}

static void link_unwatch(struct port *p)
{
	if (p->profile.link == PORT_LINK_KERNEL)
		carrier_unwatch(p->env->carrier, &p->watch);
	rte_dev_event_callback_unregister(p->device, device_event, p);
	rte_eth_dev_callback_unregister(p->ethdev, RTE_ETH_EVENT_INTR_RMV, link_event, p);
	if (p->profile.link == PORT_LINK_INTERRUPT)
		rte_eth_dev_callback_unregister(p->ethdev, RTE_ETH_EVENT_INTR_LSC, link_event, p);
}

int port_ethdev_create(const struct port_env *env, uint16_t id, const char *device,
	const struct port_profile *profile, struct port **out, struct error *err)
{
	struct rte_eth_dev_info info;
	struct port *p;
	uint16_t ethdev;
	int rc;

	rc = device_info(device, &ethdev, &info, err);
	if (rc < 0)
		return rc;
	p = port_new(env, id, PORT_ETHDEV, device);
	if (p == NULL)
		return error_set(err, -ENOMEM, "device %s: no memory", device);
	p->ethdev = ethdev;
	p->profile = *profile;
	snprintf(p->driver, sizeof(p->driver), "%s", info.driver_name);
	link_mode_choose(p, &info);
	rc = queues_start(p, &info, err);
	if (rc < 0) {
		free(p);
		return rc;
	}
	link_watch(p);
	port_filter_init(p);
	port_link_up(p);
	*out = p;
	return 0;
}

void port_ethdev_destroy(struct port *p)
{
	link_unwatch(p);
	rte_eth_dev_stop(p->ethdev);
	rte_eth_dev_close(p->ethdev);
}

bool port_link_up(struct port *p)
{
	struct rte_eth_link link;

	if (p->kind != PORT_ETHDEV)
		return atomic_load(&p->up);
	if (atomic_load(&p->removed))
		return false;
	if (p->profile.link == PORT_LINK_KERNEL)
		atomic_store(&p->up, carrier_ask(p->env->carrier, &p->watch));
	else if (rte_eth_link_get_nowait(p->ethdev, &link) == 0)
		atomic_store(&p->up, link.link_status == RTE_ETH_LINK_UP);
	return atomic_load(&p->up);
}

int port_socket_id(const struct port *p)
{
	return p->kind == PORT_ETHDEV ? rte_eth_dev_socket_id(p->ethdev) : atomic_load(&p->node);
}
