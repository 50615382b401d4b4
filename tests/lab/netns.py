# SPDX-License-Identifier: BSD-3-Clause
"""
Network namespaces, and the physical network played in them.

    +----------------------------- Wire (one namespace) ------------------------------+   +- Netns "router" -+
    |  mcswitch --- TAP up0 --+                                                        |   |                  |
    |      |                  +-- bridge br0 (multicast_snooping) --- veth router ----------- eth0             |
    |      +------- TAP up1 --+                                   \\-- veth source ---- ... |                  |
    +---------------------------------------------------------------------------------+   +------------------+

The daemon runs inside the namespace of the wire. net_tap's interface may be moved elsewhere and frames still flow, but the
driver reads link state by the interface's name in the namespace it was started in: after a move it reports the link down
for ever (measured, DPDK 22.11). So the bridge comes to the TAPs, not the TAPs to the bridge.

The kernel here has no 802.1Q devices and no bridge VLAN filtering: tagged frames pass the bridge unchanged, and hosts speak
untagged, so a topology with kernel hosts uses VLAN 0 for its guests. Tagged frames are sent and seen as raw frames (frames.py).
IPv6 is off in a new namespace unless asked for, so that nothing speaks which the test did not make speak.
"""

import ctypes
import fcntl
import json
import os
import shutil
import socket
import struct
import threading
from contextlib import contextmanager

from .process import PREFIX, Owned, Process, abandoned, run, wait_for

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_swept = threading.Event()


def sweep():
    """Delete namespaces and directories of runs that were killed before they could clean up."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        if abandoned(name):
            run(["ip", "netns", "del", name], check=False)
    for name in filter(abandoned, os.listdir("/tmp") if not os.environ.get("MCS_KEEP") else []):
        shutil.rmtree(f"/tmp/{name}", ignore_errors=True)


class Netns(Owned):
    """One namespace, named mcs<pid>-<label>. Deleted when closed, and with it every veth that has an end inside."""

    def __init__(self, label, ipv6=False):
        if not _swept.is_set():
            _swept.set()
            sweep()
        self.name = f"{PREFIX}{os.getpid()}-{label}"
        self._children = []
        run(["ip", "netns", "add", self.name])
        super().__init__()
        if not ipv6:
            for scope in ("all", "default"):
                self.sysctl(f"net.ipv6.conf.{scope}.disable_ipv6", 1)
        self.link("set", "lo", "up")

    @classmethod
    def existing(cls, name):
        """A namespace that someone else made and will delete."""
        ns = cls.__new__(cls)
        ns.name, ns._children, ns._closed = name, [], True
        return ns

    def __str__(self):
        return self.name

    # ---- commands inside ----

    @contextmanager
    def entered(self):
        """The calling thread is inside. For opening sockets: a socket stays in the namespace where it was opened."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            self._setns(there)
            try:
                yield self
            finally:
                self._setns(home)

    @staticmethod
    def _setns(file):
        if _libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def run(self, *argv, timeout=20.0, check=True, stdin=None):
        return run(["ip", "netns", "exec", self.name, *argv], timeout, check, stdin)

    def start(self, *argv, log, **kwargs):
        """A Process inside; it ends when the namespace is closed, if not before."""
        process = Process(argv, log, ns=self.name, **kwargs)
        self._children.append(process)
        return process

    def ip(self, *argv, check=True):
        return run(["ip", "-n", self.name, *argv], check=check)

    def link(self, *argv):
        return self.ip("link", *argv)

    def sysctl(self, key, value):
        with self.entered(), open("/proc/sys/" + key.replace(".", "/"), "w") as file:
            file.write(str(value))

    # ---- interfaces ----

    def veth(self, dev, other, other_dev):
        """A veth pair, `dev` here and `other_dev` in `other`, both up."""
        self.link("add", dev, "type", "veth", "peer", "name", other_dev, "netns", other.name)
        self.link("set", dev, "up")
        other.link("set", other_dev, "up")

    def address(self, dev, *cidrs):
        """Give addresses (IPv4 or IPv6) to `dev`; they can be used at once."""
        for cidr in cidrs:
            if ":" in cidr:
                self.sysctl(f"net.ipv6.conf.{dev}.disable_ipv6", 0)
                self.ip("addr", "add", cidr, "dev", dev, "nodad")
            else:
                self.ip("addr", "add", cidr, "dev", dev)

    def multicast_route(self, dev):
        """Send multicast out of `dev`."""
        self.ip("route", "replace", "224.0.0.0/4", "dev", dev)

    def up(self, dev):
        self.link("set", dev, "up")

    def down(self, dev):
        self.link("set", dev, "down")

    def carrier(self, dev, on):
        """
        Plug or pull a TAP's cable; the interface itself stays up. (A veth cannot do this: take its peer down instead.) The kernel
        tells of a lost carrier up to 1 s late if any link changed within the last second (linkwatch; measured 1.0 s, else
        0.2 ms), so where the gap is measured, use down(), which it tells at once, or have the links at rest before.
        """
        self.link("set", dev, "carrier", "on" if on else "off")

    def show(self, dev=None):
        """What `ip -s -d link show` says: a dict, or None if there is no such device; without dev a list."""
        text = self.ip("-j", "-s", "-d", "link", "show", *(["dev", dev] if dev else []), check=False)
        rows = [row for row in json.loads(text or "[]") if row]
        return rows if dev is None else (rows[0] if rows else None)

    def software_checksums(self, dev):
        """
        The kernel computes checksums itself before it sends out of `dev` (ethtool -K dev tx off). A veth leaves them out, and a
        packet socket at its other end (net_af_packet) would pass on what a real wire never carries.
        """
        value = ctypes.create_string_buffer(struct.pack("II", 0x17, 0))  # ETHTOOL_STXCSUM
        request = struct.pack("16sQ8x", dev.encode(), ctypes.addressof(value))
        with self.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, 0x8946, request)  # SIOCETHTOOL

    def mac(self, dev):
        return self.show(dev)["address"]

    def wait_dev(self, dev, timeout=10.0, alive=None):
        return wait_for(lambda: self.show(dev), timeout, f"device {dev} in {self.name}", alive=alive)

    def wait_running(self, dev, timeout=5.0):
        """Until the device has a carrier."""
        wait_for(lambda: "LOWER_UP" in (self.show(dev) or {}).get("flags", []), timeout, f"carrier on {dev}")

    def _close(self):
        for child in reversed(self._children):
            child.close()
        run(["ip", "netns", "del", self.name], check=False)


class Wire(Netns):
    """
    The physical network: a bridge that snoops, and hosts behind it. The querier is separate (query.Querier in a host's
    namespace): the bridge's own would ask anew the moment a port fails, which no real router does.
    """

    BRIDGE = "br0"

    def __init__(self, label="wire", snooping=True, querier=False, bridge=True):
        self.hosts = {}
        self.has_bridge = bridge
        super().__init__(label)
        if bridge:
            self.link("add", self.BRIDGE, "type", "bridge", "stp_state", "0", "forward_delay", "0",
                      "mcast_snooping", str(int(snooping)), "mcast_querier", str(int(querier)),
                      "mcast_igmp_version", "3", "mcast_mld_version", "2")
            self.up(self.BRIDGE)

    def attach(self, *devs, timeout=10.0, alive=None):
        """Put devices (the daemon's TAPs: they are waited for) on the bridge and up."""
        for dev in devs:
            self.wait_dev(dev, timeout, alive)
            self.link("set", dev, "master", self.BRIDGE)
            self.up(dev)

    def host(self, label, *cidrs):
        """
        A host on the bridge: a Netns with eth0, the given addresses and multicast routed out of eth0. The bridge's port has the
        host's label.
        """
        host = self.hosts[label] = Netns(label)
        self.veth(label, host, "eth0")
        self.link("set", label, "master", self.BRIDGE)
        host.address("eth0", *cidrs)
        if any(":" not in cidr for cidr in cidrs):
            host.multicast_route("eth0")
        return host

    def mdb(self):
        """What the bridge has learnt: {group: {port, ...}} and the set of its router ports."""
        reply = json.loads(run(["bridge", "-n", self.name, "-d", "-j", "mdb", "show"]) or "[]")
        groups, routers = {}, set()
        for part in reply:
            for row in part.get("mdb", []):
                groups.setdefault(row["grp"], set()).add(row["port"])
            for ports in part.get("router", {}).values():
                routers.update(row["port"] for row in ports)
        return groups, routers

    def wait_member(self, group, port, timeout=5.0, member=True):
        """Until the bridge lists (or, member=False, does not list) `port` under `group`."""
        wait_for(lambda: (port in self.mdb()[0].get(group, ())) == member, timeout,
                 lambda: f"{port} {'in' if member else 'not in'} {group} on the bridge: {self.mdb()}")


    def _close(self):
        for host in reversed(self.hosts.values()):
            host.close()
        super()._close()
