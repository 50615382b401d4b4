# SPDX-License-Identifier: BSD-3-Clause
"""
An uplink that is a bond of DPDK's own (net_bonding): one uplink for the switch, several links for the network.

    test --raw-- TAP t0 -- net_tap0 --
    test --raw-- TAP t1 -- net_tap1 -- net_bonding0 = up0 -- mcswitch == vhost-user == vm1
"""

import collections

import pytest

from lab import frames
from lab.frames import Tap
from lab.lacp import OUT, Partner
from lab.netns import Wire
from lab.switch import Switch, available

OUTSIDE, SOURCE, GROUP = "02:00:00:00:00:99", "10.0.0.99", "239.1.1.1"


class Bond:
    def __init__(self, mode):
        self.wire, self.taps, self.partners, self.switch = Wire(bridge=False), {}, {}, None
        try:
            uplinks = {"up0": f"net_bonding0,mode={mode},slave=net_tap0,slave=net_tap1"}
            self.switch = Switch(self.wire, uplinks=uplinks, guests={"vm1": {"mac": "52:54:00:00:00:01"}}, start=False)
            self.switch.vdevs = ["net_tap0,iface=t0", "net_tap1,iface=t1", *self.switch.vdevs]  # members first
            self.switch.start()
            for i, name in enumerate(("t0", "t1"), 1):
                self.wire.wait_dev(name)
                self.wire.up(name)
                if mode == 4:
                    self.partners[name] = Partner(self.wire, name, i)
                self.taps[name] = Tap(self.wire, name)
            self.vm1 = self.switch.vguest("vm1", ip="10.0.0.1")
            self.vm1.wait_up()
            self.switch.wait("show uplinks", lambda rows: rows[0]["state"] == "up")
        except BaseException:
            self.close()
            raise

    def out(self, n=64):
        """{member: frames of n flows that have left by it}"""
        for i in range(n):
            self.vm1.send(frames.udp(self.vm1.mac, f"10.0.1.{i}", f"224.0.0.{100 + i % 100}", b"out"))
        self.vm1.wait_sent()
        self.switch.wait_turn()
        return collections.Counter(name for name, tap in self.taps.items() for frame in tap.drain()
                                   if frames.look(frame).payload == b"out")

    def close(self):
        for one in (self.switch, *self.partners.values(), *self.taps.values(), self.wire):
            if one:
                one.close()


@pytest.fixture(params=[4, 1], ids=["lacp", "active-backup"])
def bond(request):
    if available():
        pytest.skip(available())
    bond = Bond(request.param)
    bond.mode = request.param
    yield bond
    try:
        bond.switch.check_law()
        bond.switch.stop()
    finally:
        bond.close()


def test_bond_as_an_uplink(bond):
    """
    LACP comes about with a partner, frames are spread over both members, and a member that the partner takes out of the channel gets
    no more. Active-backup uses one member. That this one fails is not noticed over net_tap (drivers-config/bonding.yaml), so it is not
    tested here; two uplinks of a team are the better way to have that.
    """
    for partner in bond.partners.values():
        partner.wait()
    row = bond.switch.ctl("show uplinks")[0]
    assert (row["driver"], row["driver_file"], row["state"]) == ("net_bonding", "bonding.yaml", "up")
    bond.vm1.send(frames.igmp3_join(bond.vm1.mac, bond.vm1.ip, GROUP))
    bond.switch.wait_member("vm1", GROUP)
    assert sum(frames.is_report(GROUP)(frame) for tap in bond.taps.values() for frame in tap.drain()) == 1
    spread = bond.out()
    if bond.mode == 1:
        assert spread == {"t0": 64}
        members = ["t0"]
    else:
        assert min(spread["t0"], spread["t1"]) >= 16 and sum(spread.values()) == 64
        members = ["t0", "t1"]
    for name in members:
        bond.taps[name].send(frames.udp(OUTSIDE, SOURCE, GROUP, name.encode()))
        bond.vm1.expect(frames.is_payload(name.encode()))
    if bond.mode == 4:
        bond.partners["t0"].state = OUT
        bond.partners["t0"].wait(is_in=False)
        assert bond.out() == {"t1": 64}
        assert bond.switch.ctl("show uplinks")[0]["state"] == "up"  # for the switch nothing has happened
