/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PORT_PORT_H
#define PORT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/error.h"

/*
 * One small set of operations over two kinds of port. An ethdev is whatever DPDK drives: a NIC, a
 * TAP, a memif, a VF. A vhost port is the back-end of a guest's virtio NIC. Above this room nobody
 * asks which it is, but for one thing: an ethdev takes the mbufs it sends, a guest's ring takes a
 * copy and leaves them to the caller.
 *
 * The control lcore creates, programs and destroys ports. The worker that owns a port calls
 * port_rx and port_tx (port_io.h) and nobody else does. What happens to a port is told as facts
 * through a pipe, because it is noticed on threads of DPDK's own.
 */
enum port_kind { PORT_ETHDEV, PORT_VHOST };

enum port_fact_type {
	PORT_UP,       /* link came, or a guest's rings are ready */
	PORT_DOWN,     /* link went, or the guest is gone; its rings are no longer touched */
	PORT_REMOVED,  /* the device itself is gone */
	PORT_MOVED_IN, /* vhost: the rings are older than the connection (migration, our restart) */
	PORT_ANNOUNCED, /* vhost: the front-end asks to announce a guest that has moved in */
	PORT_CLOSED,    /* vhost: the connection itself is gone */
	PORT_LOG_START, /* vhost: dirty logging begins: the guest is about to move out */
	PORT_LOG_STOP,
	PORT_RING_FAULT, /* vhost: the guest has broken a ring, port_ring_fault says how */
};

/* Smaller than PIPE_BUF, so that writes are whole. */
struct port_fact {
	uint16_t port;
	uint16_t generation; /* of the port id: facts about an earlier owner of the id are stale */
	uint32_t type;
};

/* How the loss of a link is learnt. */
enum port_link_mode {
	PORT_LINK_INTERRUPT, /* the driver tells; where the device says it cannot, as poll */
	PORT_LINK_POLL,      /* the driver is asked */
	PORT_LINK_KERNEL, /* the carrier of the device's kernel interface; without one, as poll */
};

/* What lets a device's frames in. */
enum port_filter_mode {
	PORT_FILTER_LIST, /* of addresses; what does not fit opens the filter */
	PORT_FILTER_ALL,  /* of multicast: all-multicast */
	PORT_FILTER_PROMISCUOUS,
	PORT_FILTER_NONE, /* it filters nothing: leave it alone */
};

/* What is known of a device's driver, and what its operator wants instead. Lists that are longer
 * than max open the filter at once, without asking the driver; UINT_MAX: ask. */
struct port_profile {
	enum port_link_mode link;
	unsigned int poll_ms; /* port_link_up is worth asking that often, in any mode */
	enum port_filter_mode multicast, unicast;
	unsigned int max_multicast, max_unicast;
	uint16_t n_rx_descriptors, n_tx_descriptors; /* wanted */
	bool vlan_strip;                             /* wanted */
	bool idle_tx; /* the driver does work of its own in transmit calls: make them when idle */
};

struct carrier;
struct port;
struct rte_mempool;
struct rte_rcu_qsbr;

/* What every port needs of the daemon. Shared, outlives all ports. */
struct port_env {
	struct rte_mempool *pool; /* frames received from guests and NICs */
	struct rte_rcu_qsbr
		*qsbr; /* of the workers: a guest's rings are let go after a grace period */
	int facts_fd;  /* write end of the pipe of struct port_fact */
	struct carrier *carrier; /* NULL: there is no rtnetlink here, and PORT_LINK_KERNEL polls */
	uint16_t ethdev_mtu;     /* octets of IP packet */
	bool own_rings;          /* guests' rings are ours; else the vhost library's */
	uint64_t stream_octets;  /* with own rings: what ring_stores_measure said */
};

#define PORT_DRIVER_SIZE 64

/* What DPDK calls the driver of a device (a PCI address or vdev name that EAL has probed), to look
 * up its profile by. 0, or a negative errno with a sentence. */
int port_ethdev_driver(const char *device, char driver[PORT_DRIVER_SIZE], struct error *err);

/*
 * Take device as port id. Configured and started; in no plane yet. 0, or a negative errno with a
 * sentence.
 */
int port_ethdev_create(const struct port_env *env, uint16_t id, const char *device,
	const struct port_profile *profile, struct port **out, struct error *err);

/*
 * Serve (or, client, connect to) a vhost-user socket as port id. The socket is made 0660; one
 * left behind by a dead process is replaced, one that is in use is an error.
 */
int port_vhost_create(const struct port_env *env, uint16_t id, const char *path, bool client,
	struct port **out, struct error *err);

/* The port is in no plane any more and a grace period has passed. NULL is fine. */
void port_destroy(struct port *p);

uint16_t port_id(const struct port *p);
uint16_t port_generation(const struct port *p);
enum port_kind port_kind(const struct port *p);
const char *port_driver(const struct port *p); /* "vhost-user" or the driver's name */
const char *port_device(const struct port *p); /* socket path or device name */
/* NUMA node of a device, or, while it is up, of a guest's memory; -1: not known. */
int port_socket_id(const struct port *p);

/* Is the link up now? Asks an ethdev or its kernel interface without waiting. */
bool port_link_up(struct port *p);
/* For people: what the guest did to its ring last. "" of a device. */
const char *port_ring_fault(const struct port *p);
/* How often a ring of the guest was found broken, since the port is there. Any thread. */
unsigned int port_ring_faults(const struct port *p);
/* How often that is worth asking. */
unsigned int port_poll_ms(const struct port *p);
/* For people, how a change is learnt: "interrupt", "poll every 10 ms", "kernel carrier of eth0";
 * where it is not as wanted, with the reason. "" of a guest's port. */
const char *port_link_detection(const struct port *p);

/*
 * Program what an ethdev's filters let in: unicast addresses of guests, multicast addresses of the
 * groups in use (protocol.md point 3). all_multicast asks for every group. What does not fit the
 * device's tables, or is refused, opens the filter (all-multicast, promiscuous) before anything is
 * lost; it closes again when the list fits. Does nothing on a guest's port.
 */
struct port_filter {
	const struct mac_addr *unicast;
	unsigned int n_unicast;
	const struct mac_addr *multicast;
	unsigned int n_multicast;
	bool all_multicast;
	bool promiscuous;
};
void port_filter_set(struct port *p, const struct port_filter *want);
/* For people: "list of 12", "all-multicast", "promiscuous", "no filter". */
const char *port_multicast_filter(const struct port *p);
const char *port_unicast_filter(const struct port *p);

#endif
