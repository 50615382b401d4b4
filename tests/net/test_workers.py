# SPDX-License-Identifier: BSD-3-Clause
"""
Two workers: a port belongs to one of them, and frames for the other's ports are handed over once.

    test --raw-- TAP up0 -- mcswitch (worker A: up0, vm2 ...; worker B: vm1, vm3 ...) == vhost-user == vm1 .. vm4

Both workers share a core here, so nothing is said about speed.
"""

import pytest

from lab import frames

OUTSIDE, SOURCE, GROUP = "02:00:00:00:00:99", "10.0.0.99", "239.1.1.1"
TWO = "0@0,1@1,2@0"


@pytest.fixture
def two(net):
    one = net({"vm1": {}, "vm2": {"vlan": 20}, "vm3": {"vlan": 20}, "vm4": {"trunk": [0, 20]}}, lcores=TWO)
    workers = {port["worker"] for port in one.switch.ctl("show ports")}
    assert len(workers) == 2
    return one


def numbered(guest, n):
    """The numbers of n frames, in the order in which they came."""
    return [int(frames.look(guest.expect(lambda frame: frames.look(frame).payload.isdigit())).payload) for _ in range(n)]


def test_a_group_with_members_at_both_workers(two):
    for name in ("vm2", "vm3"):
        guest = two.guests[name]
        guest.send(frames.igmp3_join(guest.mac, guest.ip, GROUP))
        two.switch.wait_member(name, GROUP)
    vm4 = two.guests["vm4"]
    vm4.send(frames.igmp3_join(vm4.mac, vm4.ip, GROUP, vlan=20))
    two.switch.wait_member("vm4", GROUP)
    for i in range(100):
        two.up.send(frames.udp(OUTSIDE, SOURCE, GROUP, b"%d" % i, vlan=20))
    for name, tags in (("vm2", ()), ("vm3", ()), ("vm4", (20,))):
        assert numbered(two.guests[name], 100) == list(range(100)), name
    # and from a guest: the other members, the uplink with a tag, nobody twice
    sender = two.guests["vm2"]
    for i in range(100):
        sender.send(frames.udp(sender.mac, sender.ip, GROUP, b"%d" % i))
    for name in ("vm3", "vm4"):
        assert numbered(two.guests[name], 100) == list(range(100)), name
    seen = [frames.look(two.up.expect(lambda frame: frames.look(frame).payload.isdigit())) for _ in range(100)]
    assert [int(look.payload) for look in seen] == list(range(100))
    assert {look.vlans for look in seen} == {(20,)}


def test_unicast_and_broadcast_between_workers(two):
    vm1, vm2, vm3, vm4 = two.guests.values()
    vm2.send(frames.udp(vm2.mac, vm2.ip, "10.0.0.3", b"to vm3", dst_mac=vm3.mac))
    vm3.expect(frames.is_payload(b"to vm3"))
    vm3.send(frames.arp_request(vm3.mac, vm3.ip, "10.0.0.2"))
    is_arp = frames.is_dst("ff:ff:ff:ff:ff:ff")
    assert frames.look(vm2.expect(is_arp)).vlans == ()
    assert frames.look(vm4.expect(is_arp)).vlans == (20,)
    assert frames.look(two.up.expect(is_arp)).vlans == (20,)
    vm4.send(frames.udp(vm4.mac, vm4.ip, "10.0.0.1", b"untagged vlan", dst_mac=vm1.mac))
    assert frames.look(vm1.expect(frames.is_payload(b"untagged vlan"))).vlans == ()


def test_a_guest_comes_and_goes(two):
    socket = two.switch.work / "new.sock"
    for i in range(4):
        two.switch.ctl(f"guest add new={socket},mac=52:54:00:00:00:77,vlan=20")
        two.switch.guests["new"] = {"socket": str(socket), "mac": "52:54:00:00:00:77"}
        new = two.connect("new", "10.0.0.77")
        two.switch.wait("show ports", two._all_up)
        new.send(frames.udp(new.mac, new.ip, "224.0.0.251", b"hello %d" % i))
        for name in ("vm2", "vm3"):
            two.guests[name].expect(frames.is_payload(b"hello %d" % i))
        two.switch.ctl("guest del new")
        two.guests.pop("new").close()
