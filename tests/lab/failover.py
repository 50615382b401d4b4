# SPDX-License-Identifier: BSD-3-Clause
"""
A failover on real parts, measured.

    source 1,000 frames/s --+                        +-- TAP up0 --+
    router, asks every 125 s +-- br0 (snoops, kernel) +            +-- mcswitch == vm1 (QEMU, a Linux kernel)
                                                     +-- TAP up1 --+           == vm2, vm3 (VGuest), vm4 (never there)

vm1 and vm3 have joined the stream, vm2 another one: on the uplink that takes over, nobody has asked for the stream yet (the paper's
note: else it would resume at once). A repeat cuts the link of the uplink that carries vm1, waits until the stream is back and mends the
link. The sender numbers and stamps each frame, so a gap is what lies between the frames around the missing numbers, and a receiver that
waits for its core changes nothing; vm1 is emulated, and its own full ring may cost it more. vm4 keeps the spread even.
"""

import os
import random
import socket
import statistics
import struct
import threading
import time
from dataclasses import dataclass, field

from . import frames
from .channel import Channel
from .frames import Tap
from .netns import Wire
from .process import Owned, wait_for
from .query import Querier
from .stream import Sender
from .switch import Switch

STREAM, OTHER, RATE = "239.1.1.1", "239.2.2.2", 1000
MACS = {f"vm{i}": f"52:54:00:a2:7d:{last}" for i, last in enumerate(("01", "02", "05", "04"), 1)}
UPLINKS = ("up0", "up1")
IFF_UP, IFF_LOWER_UP = 1, 1 << 16
AT_REST = 1.2  # the kernel tells of a link late if another changed within the second before


@dataclass
class Case:
    """What is set while a failover is measured. interval: of the router's queries, in s."""

    name: str
    policy: str = "port-id"
    replay: bool = True
    queries: int = 2
    version: int = 3
    interval: float = 125.0


CASES = [
    Case("port-id, replay"), Case("mac-hash, replay", "mac-hash"), Case("explicit, replay", "explicit"),
    Case("ip-hash (port channel)", "ip-hash"),
    Case("port-id, IGMPv3 queries only", replay=False),
    Case("port-id, IGMPv2 queries only", replay=False, version=2),
    Case("port-id, neither; router asks every 5 s", replay=False, queries=0, interval=5.0),
]


@dataclass
class Gap:
    """One guest's stream around one event."""

    ms: float = 0.0        # between the frames around the longest run of missing ones, without the one that the rate makes
    lost: int = 0          # in all
    duplicates: int = 0
    resumed_ns: int = 0    # when the first frame after the gap was sent, monotonic


@dataclass
class Sample:
    """One repeat. Times in ms; None: did not happen."""

    gap: Gap               # at vm3
    kernel: Gap            # at vm1, as its kernel counts; ms: the longest pause, late frames included
    unmoved: Gap           # at the guest that was not moved; None under explicit order and ip-hash
    from_notice: float = None  # the kernel's notice of the lost link -> first frame of the stream again
    report: float = None   # that notice -> the first replayed report on the wire
    inside: dict = field(default_factory=dict)  # last_failover of `show teams`


class Links(Owned):
    """When the kernel tells of a link (rtnetlink), as the switch hears it."""

    def __init__(self, ns):
        self.told, self._stop = [], threading.Event()
        with ns.entered():
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
            self._socket.bind((0, 1))
            self._index = {name: socket.if_nametoindex(name) for name in UPLINKS}
        self._socket.settimeout(0.2)
        self._thread = threading.Thread(target=self._run, daemon=True)
        super().__init__()
        self._thread.start()

    def _run(self):
        try:  # when it wakes is what it measures
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO, os.sched_param(50))
        except OSError:
            pass
        while not self._stop.is_set():
            try:
                data = self._socket.recv(65536)
            except OSError:
                continue
            ns = time.monotonic_ns()
            index, flags = struct.unpack_from("iI", data, 20)
            if data[16] == socket.AF_UNSPEC:  # a bridge tells of its ports in a family of its own
                self.told.append((ns, index, bool(flags & IFF_UP and flags & IFF_LOWER_UP)))

    def lost_at(self, name, after):
        return next((ns for ns, index, up in self.told if ns > after and index == self._index[name] and not up), None)

    def _close(self):
        self._stop.set()
        self._thread.join(5)
        self._socket.close()


def stamps(seen, group):
    """[(number, when it was sent)] of a stream's frames (tests/vm/guest/net.h)."""
    payloads = [look.payload for look in map(frames.look, seen) if look.ip_dst == group and len(look.payload) >= 20]
    return [struct.unpack_from("!QQ", payload, 4) for payload in payloads]


def gap_of(seen, group, ring_losses=0):
    """What a VGuest misses of a stream, but for what its own full ring has cost it."""
    rows = stamps(seen, group)
    gap, sent = Gap(), dict(rows)
    numbers = sorted(sent)
    longest = max(zip(numbers, numbers[1:]), key=lambda pair: pair[1] - pair[0], default=(0, 1))
    if longest[1] - longest[0] > 1:
        before, after = sent[longest[0]], sent[longest[1]]
        gap.ms = (after - before) / 1e6 - 1000 / RATE
        gap.resumed_ns = after + time.monotonic_ns() - time.time_ns()
    gap.lost = max(0, numbers[-1] - numbers[0] + 1 - len(numbers) - ring_losses)
    gap.duplicates = len(rows) - len(numbers)
    return gap


class Plant(Owned):
    """The drawing above. set() a case, then repeat() it."""

    def __init__(self, label="failover"):
        self.wire, self.switch, self.channel, self.querier, self.links, self.taps = Wire(label), None, None, None, None, {}
        self.guests, self.senders = {}, []
        super().__init__()
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        self.router = self.wire.host("router", "192.168.20.1/24")
        self.source = self.wire.host("source", "192.168.20.9/24")
        self.switch = Switch(self.wire, uplinks=UPLINKS, guests={name: {"mac": mac} for name, mac in MACS.items()},
                             config={"teams": [{"name": "team0", "active": list(UPLINKS)}]}, label="failover")
        self.wire.attach(*UPLINKS)
        self.vm1 = self.switch.vm("vm1", ip="192.168.20.101/24")
        for name in ("vm2", "vm3"):
            self.guests[name] = self.switch.vguest(name, ip=f"192.168.20.10{name[2]}")
            self.guests[name].wait_up()
        self.links = Links(self.wire)
        self.taps = {name: Tap(self.wire, name) for name in UPLINKS}
        self.vm1.wait_ready()
        self.senders = [Sender(self.source, group, rate=RATE) for group in (STREAM, OTHER)]
        self.vm1.join(STREAM)

    def set(self, case):
        """The settings of a case, and rest until the stream flows."""
        self.case = case
        ask = {"interval": case.interval, "response": 0.8 if case.interval < 60 else 10, "version": 3 if case.version == 3 else 2}
        if self.querier is None or self.asks != ask:
            if self.querier:
                self.querier.close()
            self.querier, self.asks = Querier(self.router, "eth0", "192.168.20.1", **ask), ask
        for words in (f"team set team0 policy {case.policy}", f"team set team0 replay_memberships {str(case.replay).lower()}",
                      f"set igmp queries {case.queries}", f"set igmp version {case.version}"):
            self.switch.ctl(words)
        self._wiring(case.policy == "ip-hash")
        self.flowing()

    def _wiring(self, is_channel):
        if is_channel == (self.channel is not None):
            return
        if self.channel:
            self.channel.close()
            self.channel = None
        for name in UPLINKS:
            self.wire.link("set", name, *(("nomaster",) if is_channel else ("master", self.wire.BRIDGE)))
        if is_channel:
            self.channel = Channel(self.wire, UPLINKS)
        self.querier.ask()

    def carrier(self, guest):
        return next(port["carrier"] for port in self.switch.ctl("show ports") if port["name"] == guest)

    def flowing(self):
        """Everybody has reported where he now is, and gets his stream; the network is at rest."""
        def flows():
            self._report()
            seen = {name: guest.drain() for name, guest in self.guests.items()}
            self.vm1.reset()
            time.sleep(0.3)
            row = self.vm1.stream(STREAM)
            return (row and row["packets"] > RATE / 10 and any(frames.is_udp_to(OTHER)(frame) for frame in seen["vm2"])
                    and any(frames.is_udp_to(STREAM)(frame) for frame in seen["vm3"]))
        wait_for(flows, 20, lambda: f"all streams flow: {self.wire.mdb()}", every=0.1)

    def _report(self):
        for name, group in (("vm2", OTHER), ("vm3", STREAM)):
            guest = self.guests[name]
            guest.send(frames.igmp3_join(guest.mac, guest.ip, group))

    def _drain(self):
        for inbox in (*self.guests.values(), *self.taps.values()):
            inbox.drain()

    def _resumed(self, since, timeout):
        """Until vm3 has had the stream again for a third of a second."""
        seen = {name: [] for name in self.guests}

        def back():
            for name, guest in self.guests.items():
                seen[name] += guest.drain()
            late = [frame for frame in seen["vm3"][-RATE // 3:] if frame.ns > since]
            return len(late) >= RATE // 3 and late[-1].ns - late[0].ns < 0.6e9
        time.sleep(0.4)
        wait_for(back, timeout, "the stream is back", every=0.05)
        time.sleep(0.1)
        for name, guest in self.guests.items():
            seen[name] += guest.drain()
        return seen

    def _forget(self):
        """The bridge has the stream's members where they are, and not where they were before the last failover, for minutes yet."""
        for port in self.wire.mdb()[0].get(STREAM, set()) & set(UPLINKS) - {self.carrier("vm1")}:
            self.wire.run("bridge", "mdb", "del", "dev", self.wire.BRIDGE, "port", port, "grp", STREAM)

    def _ring_losses(self):
        """What full rings have cost the guests: not the switch's doing, nor a failover's."""
        return {port["name"]: port["tx_dropped"] for port in self.switch.ctl("show ports")}

    def _around(self, change, lost_uplink, unmoved):
        """A Sample of what change() does to the streams."""
        self.vm1.reset()
        rings = self._ring_losses()
        self._drain()
        time.sleep(0.2)
        begin = time.monotonic_ns()
        change()
        seen = self._resumed(begin, 20)
        row = self.vm1.stream(STREAM)
        full = {name: n - rings[name] for name, n in self._ring_losses().items()}
        sample = Sample(gap_of(seen["vm3"], STREAM, full["vm3"]),
                        Gap(row["max_gap_us"] / 1000 - 1000 / RATE, row["lost"] - full["vm1"], row["duplicates"]),
                        gap_of(seen["vm2"], OTHER, full["vm2"]) if unmoved else None)
        sample.inside = self.switch.ctl("show teams")[0]["last_failover"] or {}
        notice = self.links.lost_at(lost_uplink, begin) if lost_uplink else None
        if notice:
            sample.from_notice = (sample.gap.resumed_ns - notice) / 1e6 if sample.gap.resumed_ns else None
            told = [frame.ns for tap in self.taps.values() for frame in tap.drain()
                    if frame.ns > begin and frames.is_report(STREAM)(frame)]
            sample.report = (min(told) - notice) / 1e6 if told and self.case.replay and self.case.policy != "ip-hash" else None
        return sample

    def repeat(self):
        """(cut, mend): samples of the loss of the carrying uplink and of its return."""
        self.flowing()
        self._forget()
        time.sleep(AT_REST + (random.uniform(0, self.case.interval) if self.case.interval < 60 else 0))
        carriers = self.carrier("vm1"), self.carrier("vm2")
        lost = UPLINKS[0] if "," in carriers[0] else carriers[0]
        moved = self.case.policy == "ip-hash" or carriers[1] == lost
        cut = self._around(lambda: self.wire.down(lost), lost, not moved)
        self.flowing()
        self._forget()
        time.sleep(AT_REST)
        mend = self._around(lambda: self.wire.up(lost), None, not moved)
        self.switch.wait("show uplinks", lambda rows: all(row["state"] == "up" for row in rows))
        return cut, mend

    def finish(self):
        self.switch.check_law()
        self.switch.stop()

    def _close(self):
        for one in (*self.senders, self.querier, self.channel, self.links, *self.taps.values(), self.switch, self.wire):
            if one:
                one.close()


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None
