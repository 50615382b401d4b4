# SPDX-License-Identifier: BSD-3-Clause
"""
Probes between the uplinks of a team: a failure beyond the first hop, where every link stays up.

                     +-- TAP up0 --+
    fabric (floods) -+-- TAP up1 --+-- mcswitch == vhost-user == vm1, vm2, vm3
                     +-- TAP up2 --+
"""

import threading

import pytest

from lab import frames
from lab.frames import Tap
from lab.process import Owned
from lab.teams import OUTSIDE, SOURCE, carriers, taken_by, team, wait_carriers, wait_state

ETHERTYPE, DESTINATION = 0x88B5, "03:6d:63:73:77:00"
THREE = ("up0", "up1", "up2")
GUESTS = {f"vm{i}": {} for i in range(1, 4)}


class Fabric(Owned):
    """The physical network: floods what it hears of one port to the others, but for the ports in `cut`, of which it hears nothing."""

    def __init__(self, net):
        self.cut, self.seen, self._stop = set(), [], threading.Event()
        self._taps = {name: Tap(net.wire, name) for name in net.ups}
        self._thread = threading.Thread(target=self._run, daemon=True)
        super().__init__()
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.002):
            for name, tap in self._taps.items():
                for frame in tap.drain():
                    if frames.look(frame).ethertype == ETHERTYPE:
                        self._flood(name, frame)

    def _flood(self, of, frame):
        self.seen.append((of, frame))
        for name, tap in self._taps.items():
            if name != of and not {name, of} & self.cut:
                tap.send(frame)

    def _close(self):
        self._stop.set()
        self._thread.join(5)
        for tap in self._taps.values():
            tap.close()


@pytest.fixture
def probed(net):
    """A team of three that probes every 100 ms."""
    fabrics = []

    def make(uplinks=THREE, beacon_ms=100, **guest):
        one = net({name: dict(guest) for name in GUESTS}, uplinks=uplinks, config=team(active=uplinks, beacon_ms=beacon_ms))
        one.fabric = Fabric(one)
        fabrics.append(one.fabric)
        return one
    yield make
    for fabric in fabrics:
        fabric.close()


@pytest.mark.parametrize("guest", [{}, {"vlan": 20}], ids=["untagged", "vlan 20"])
def test_failure_beyond_the_first_hop(probed, guest):
    net = probed(**guest)
    vm2 = net.guests["vm2"]
    vm2.send(frames.igmp3_join(vm2.mac, vm2.ip, "239.1.1.1"))
    net.switch.wait_member("vm2", "239.1.1.1")
    assert carriers(net) == dict(zip(GUESTS, THREE))
    net.fabric.cut = {"up1"}
    wait_state(net, "up1", "lost")
    assert carriers(net)["vm2"] in ("up0", "up2")
    net.ups[carriers(net)["vm2"]].expect(frames.is_report("239.1.1.1", src_mac=vm2.mac))
    net.fabric.cut = set()
    wait_state(net, "up1", "up")
    wait_carriers(net, vm2="up1")
    texts = [event["text"] for event in net.switch.ctl("show events") if event["port"] == "up1" and event["type"] == "link"]
    assert "is lost" in texts[-2] and "is found" in texts[-1]


def test_the_probes_themselves(probed):
    """One source address an uplink, for else a switch would see one wander; guests never see any; other switches' are not ours."""
    net = probed(vlan=20)
    seen = {}
    while len(seen) < 3 or len(net.fabric.seen) < 9:
        for uplink, frame in list(net.fabric.seen):
            seen.setdefault(uplink, set()).add(frames.look(frame).src)
    assert len({source for sources in seen.values() for source in sources}) == 3 and all(len(one) == 1 for one in seen.values())
    for _, frame in list(net.fabric.seen):
        look = frames.look(frame)
        assert (look.dst, look.vlan, len(frame)) == (DESTINATION, 20, 64) and int(look.src[:2], 16) & 3 == 2
    other = bytearray(net.fabric.seen[0][1])
    other[18 + 6] ^= 0xFF  # the sender's address in the probe
    net.ups["up0"].send(bytes(other))
    net.settle()
    for name, guest in net.guests.items():
        net.ups[carriers(net)[name]].send(frames.udp(OUTSIDE, SOURCE, "224.0.0.251", b"fence", vlan=20))
        guest.expect_none(lambda frame: frames.look(frame).ethertype == ETHERTYPE, frames.is_payload(b"fence"))


def test_another_switch_in_the_same_network(probed):
    """Its probes name the same port ids, and tell us nothing."""
    net = probed()
    net.fabric.cut = {"up1"}
    wait_state(net, "up1", "lost")
    ours = {uplink: bytearray(frame) for uplink, frame in net.fabric.seen}
    for frame in ours.values():
        frame[14 + 6] ^= 0xFF  # the sender's address in the probe
    n = len(net.fabric.seen)

    def for_eight_intervals(_):
        net.ups["up1"].send(bytes(ours["up0"]))
        net.ups["up0"].send(bytes(ours["up1"]))
        return len(net.fabric.seen) > n + 8 * 3
    net.switch.wait("show status", for_eight_intervals)
    assert not [event for event in net.switch.ctl("show events") if "is found" in event["text"]]


@pytest.mark.parametrize("uplinks, cut", [(THREE, set(THREE)), (("up0", "up1"), {"up1"})])
def test_what_cannot_be_told_is_left_alone(probed, uplinks, cut):
    """Nobody hears anybody, or only two are there: links decide alone."""
    net = probed(uplinks)
    before = carriers(net)
    net.fabric.cut = cut
    n = len(net.fabric.seen)
    net.switch.wait("show status", lambda _: len(net.fabric.seen) > n + 8 * len(uplinks), what="eight intervals")
    assert carriers(net) == before
    assert {row["state"] for row in net.switch.ctl("show uplinks")} == {"up"}


def test_switched_on_and_off_while_it_runs(probed):
    """Off, nothing is sent, and a frame that looks like a probe is one like any other; on, the network is probed at once."""
    net = probed(beacon_ms=0)
    net.fabric.cut = {"up2"}
    probe = frames.ether(OUTSIDE, DESTINATION) / (b"mcsw\1" + bytes(60))
    probe.type = ETHERTYPE
    net.ups["up0"].send(probe)
    net.settle()
    assert not net.fabric.seen
    net.switch.ctl("team set team0 beacon_ms 100")
    wait_state(net, "up2", "lost")
    net.switch.ctl("team set team0 beacon_ms 0")
    wait_state(net, "up2", "up")
    wait_carriers(net, **dict(zip(GUESTS, THREE)))
    frame = frames.udp(OUTSIDE, SOURCE, "224.0.0.251", b"flooded")
    assert taken_by(net, b"flooded", lambda: [up.send(frame) for up in net.ups.values()]) == dict.fromkeys(GUESTS, 1)
