# SPDX-License-Identifier: BSD-3-Clause
"""
A Linux kernel as a guest without a machine, and as a member of groups.

    Netns "h1", eth0 -- veth -- bridge bh1 (does not snoop) -- TAP h1 == mcswitch

A guest port on a TAP (`device: net_tapN`), its kernel end bridged to a namespace: IGMP, MLD and source filters are Linux's own, at the cost of
a veth. The driver wants its TAP where the daemon runs (netns.py), hence the bridge.
"""

import socket
import struct

from .netns import Netns
from .process import Owned

MCAST_JOIN_GROUP, MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE, MCAST_LEAVE_GROUP = 42, 43, 44, 45
MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP = 46, 47
PORT = 5000


def kernel_host(wire, label, *cidrs, tap=None, igmp=0, mld=0):
    """A Netns with eth0 behind the daemon's TAP `tap` (default: named as the host). igmp, mld: forced versions."""
    host, tap, bridge = Netns(label), tap or label, f"b{label}"
    wire.link("add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0")
    wire.up(bridge)
    wire.veth(f"v{label}", host, "eth0")
    wire.wait_dev(tap)
    for dev in (f"v{label}", tap):
        wire.link("set", dev, "master", bridge)
        wire.up(dev)
    host.sysctl("net.ipv4.conf.eth0.force_igmp_version", igmp)
    if any(":" in cidr for cidr in cidrs):
        host.sysctl("net.ipv6.conf.eth0.force_mld_version", mld)
    host.address("eth0", *cidrs)
    host.multicast_route("eth0")
    return host


def _sockaddr(address):
    if ":" in address:
        raw = struct.pack("=HHI", socket.AF_INET6, 0, 0) + socket.inet_pton(socket.AF_INET6, address) + bytes(4)
    else:
        raw = struct.pack("=HH", socket.AF_INET, 0) + socket.inet_aton(address)
    return raw.ljust(128, b"\0")


class Member(Owned):
    """A socket that asks for groups in every way that RFC 3678 has, and keeps what it is given."""

    def __init__(self, ns, dev="eth0", v6=False):
        family = socket.AF_INET6 if v6 else socket.AF_INET
        self.level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP
        with ns.entered():
            self.socket = socket.socket(family, socket.SOCK_DGRAM)
            self.index = socket.if_nametoindex(dev)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("", PORT))
        self.socket.settimeout(0)
        self.payloads = []
        super().__init__()

    def _ask(self, option, *addresses):
        self.socket.setsockopt(self.level, option, struct.pack("@I4x", self.index) + b"".join(map(_sockaddr, addresses)))

    def join(self, group, source=None):
        self._ask(*((MCAST_JOIN_SOURCE_GROUP, group, source) if source else (MCAST_JOIN_GROUP, group)))

    def leave(self, group, source=None):
        self._ask(*((MCAST_LEAVE_SOURCE_GROUP, group, source) if source else (MCAST_LEAVE_GROUP, group)))

    def block(self, group, source):
        self._ask(MCAST_BLOCK_SOURCE, group, source)

    def unblock(self, group, source):
        self._ask(MCAST_UNBLOCK_SOURCE, group, source)

    def received(self):
        """Payloads so far, in order."""
        while True:
            try:
                self.payloads.append(self.socket.recv(2048))
            except BlockingIOError:
                return self.payloads

    def _close(self):
        self.socket.close()
