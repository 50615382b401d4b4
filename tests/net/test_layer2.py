# SPDX-License-Identifier: BSD-3-Clause
"""
Layer 2 for guests: addresses, VLANs, broadcast, and what must not pass.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2 ...
                 TAP up1 --
"""

import pytest

from lab import frames

OUTSIDE = "02:00:00:00:00:99"
FENCE_GROUP = "224.0.0.251"


def unicast(src, dst, payload, vlan=None):
    return frames.udp(src, "10.0.0.99", "10.0.0.1", payload, vlan=vlan, dst_mac=dst)


def fence_from_uplink(net, payload=b"fence", vlan=None):
    net.up.send(frames.udp(OUTSIDE, "10.0.0.99", FENCE_GROUP, payload, vlan=vlan))


def fence_from(net, guest, payload=b"guest fence"):
    guest.send(frames.udp(guest.mac, guest.ip, FENCE_GROUP, payload))


def test_unicast_by_configured_address(net):
    net = net({"vm1": {}, "vm2": {}})
    vm1, vm2 = net.guests.values()
    net.up.send(unicast(OUTSIDE, vm1.mac, b"to vm1"))
    vm1.expect(frames.is_payload(b"to vm1"))
    fence_from_uplink(net)
    vm2.expect_none(frames.is_payload(b"to vm1"), frames.is_payload(b"fence"))
    vm1.send(unicast(vm1.mac, vm2.mac, b"between guests"))
    vm2.expect(frames.is_payload(b"between guests"))
    fence_from(net, vm1)
    net.up.expect_none(frames.is_payload(b"between guests"), frames.is_payload(b"guest fence"))


def test_address_is_learnt_from_the_first_source_seen(net):
    net = net({"vm1": {"mac": None}, "vm2": {}}, connect=False)
    vm1 = net.connect("vm1", mac="52:54:00:aa:bb:cc")
    fence_from(net, vm1)
    net.switch.wait("show ports", lambda ports: any(port["mac"] == vm1.mac for port in ports))
    net.up.send(unicast(OUTSIDE, vm1.mac, b"to the learnt"))
    vm1.expect(frames.is_payload(b"to the learnt"))


def test_broadcast_reaches_everyone_but_the_sender(net):
    net = net({"vm1": {}, "vm2": {}})
    vm1, vm2 = net.guests.values()
    vm1.send(frames.arp_request(vm1.mac, vm1.ip, "10.0.0.2"))
    is_arp = frames.is_dst("ff:ff:ff:ff:ff:ff")
    net.up.expect(is_arp)
    vm2.expect(is_arp)
    fence_from_uplink(net)
    vm1.expect_none(is_arp, frames.is_payload(b"fence"))


def test_unknown_unicast(net):
    """From a guest to its uplink and nobody else; from an uplink dropped, with a name."""
    net = net({"vm1": {}, "vm2": {}})
    vm1, vm2 = net.guests.values()
    vm1.send(unicast(vm1.mac, "02:00:00:00:00:55", b"unknown out"))
    net.up.expect(frames.is_payload(b"unknown out"))
    net.up.send(unicast(OUTSIDE, "02:00:00:00:00:55", b"unknown in"))
    fence_from_uplink(net)
    for guest in (vm1, vm2):
        guest.expect_none(lambda frame: frames.look(frame).payload.startswith(b"unknown"), frames.is_payload(b"fence"))
    assert net.switch.drops()["unknown_unicast"] == 1


def test_access_vlan(net):
    """Tagged on the uplink, untagged to the guest; the other VLANs do not exist for it."""
    net = net({"vm1": {"vlan": 20}, "vm2": {"vlan": 30}})
    vm1, vm2 = net.guests.values()
    net.up.send(unicast(OUTSIDE, vm1.mac, b"vlan 20", vlan=20))
    assert frames.look(vm1.expect(frames.is_payload(b"vlan 20"))).vlans == ()
    vm1.send(frames.udp(vm1.mac, vm1.ip, "10.0.0.99", b"back", dst_mac=OUTSIDE))
    assert frames.look(net.up.expect(frames.is_payload(b"back"))).vlans == (20,)
    # the wrong VLAN, and none
    net.up.send(unicast(OUTSIDE, vm1.mac, b"vlan 30", vlan=30))
    net.up.send(unicast(OUTSIDE, vm1.mac, b"untagged"))
    fence_from_uplink(net, vlan=20)
    vm1.expect_none(lambda frame: frames.look(frame).payload in (b"vlan 30", b"untagged"), frames.is_payload(b"fence"))
    # broadcast stays in its VLAN
    vm1.send(frames.arp_request(vm1.mac, vm1.ip, "10.0.0.2"))
    assert frames.look(net.up.expect(frames.is_dst("ff:ff:ff:ff:ff:ff"))).vlans == (20,)
    fence_from_uplink(net, vlan=30)
    vm2.expect_none(frames.is_dst("ff:ff:ff:ff:ff:ff"), frames.is_payload(b"fence"))
    # a tag of its own is not the guest's to choose
    vm1.send(unicast(vm1.mac, vm2.mac, b"hop", vlan=30))
    net.settle()
    assert net.switch.drops()["vlan"] >= 1


def test_trunk_vlans(net):
    """Tags go through; groups are per VLAN; a VLAN that is not in the trunk is not there."""
    net = net({"vm1": {"trunk": [20, 30]}, "vm2": {"vlan": 20}})
    vm1, vm2 = net.guests.values()
    vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, "239.1.1.1", vlan=20))
    net.switch.wait_member("vm1", "239.1.1.1")
    for vlan, payload in ((30, b"wrong vlan"), (40, b"no vlan of mine"), (20, b"right vlan")):
        net.up.send(frames.udp(OUTSIDE, "10.0.0.99", "239.1.1.1", payload, vlan=vlan))
    seen = vm1.collect(frames.is_payload(b"right vlan"))
    assert frames.look(seen[-1]).vlans == (20,)
    assert not [frame for frame in seen if frames.look(frame).payload in (b"wrong vlan", b"no vlan of mine")]
    # trunk guest and access guest of one VLAN: one sees the tag, the other does not
    vm1.send(unicast(vm1.mac, vm2.mac, b"trunk to access", vlan=20))
    assert frames.look(vm2.expect(frames.is_payload(b"trunk to access"))).vlans == ()
    vm2.send(unicast(vm2.mac, vm1.mac, b"access to trunk"))
    assert frames.look(vm1.expect(frames.is_payload(b"access to trunk"))).vlans == (20,)
    # out of the uplink with the tag, the member and the uplink alike
    vm2.send(frames.udp(vm2.mac, vm2.ip, "239.1.1.1", b"both forms"))
    assert frames.look(vm1.expect(frames.is_payload(b"both forms"))).vlans == (20,)
    assert frames.look(net.up.expect(frames.is_payload(b"both forms"))).vlans == (20,)


def test_priority_bits_survive(net):
    net = net({"vm1": {"trunk": [20]}})
    vm1 = net.guests["vm1"]
    frame = frames.ether(OUTSIDE, vm1.mac, 20, pcp=5) / frames.udp(OUTSIDE, "10.0.0.99", "10.0.0.1", b"pcp").payload
    net.up.send(frame)
    got = vm1.expect(frames.is_payload(b"pcp"))
    assert got[14] >> 5 == 5


def test_nothing_from_one_uplink_to_another(net):
    net = net({"vm1": {}}, uplinks=("up0", "up1"))
    up0, up1 = net.ups.values()
    vm1 = net.guests["vm1"]
    for frame in (frames.arp_request(OUTSIDE, "10.0.0.99", "10.0.0.1"), unicast(OUTSIDE, "02:00:00:00:00:55", b"unknown"),
                  frames.udp(OUTSIDE, "10.0.0.99", "239.1.1.1", b"group"),
                  frames.udp(OUTSIDE, "10.0.0.99", "224.0.0.9", b"link-local"),
                  frames.igmp2_report(OUTSIDE, "10.0.0.99", "239.1.1.1")):
        up0.send(frame)
        up1.send(frame)
    net.settle()
    carrier = next(port["carrier"] for port in net.switch.ctl("show ports") if port["name"] == "vm1")
    fence_from(net, vm1)
    net.ups[carrier].expect_none(lambda frame: frames.look(frame).src == OUTSIDE, frames.is_payload(b"guest fence"))
    other = up1 if carrier == "up0" else up0
    assert not [frame for frame in other.drain() if frames.look(frame).src == OUTSIDE]


def test_flooded_frames_are_taken_once(net):
    """Paper, teaming: a broadcast that comes in by both uplinks reaches the guest once, from the one that carries it."""
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"))
    for up in net.ups.values():
        up.send(frames.udp(OUTSIDE, "10.0.0.99", FENCE_GROUP, b"by both"))
    net.settle()
    for up in net.ups.values():
        up.send(frames.udp(OUTSIDE, "10.0.0.99", FENCE_GROUP, b"fence"))
    for guest in net.guests.values():
        seen = guest.collect(frames.is_payload(b"fence"))
        assert sum(frames.look(frame).payload == b"by both" for frame in seen) == 1


def test_own_frames_reflected_by_the_network_are_dropped(net):
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"))
    vm1, vm2 = net.guests.values()
    for up in net.ups.values():
        up.send(frames.udp(vm1.mac, vm1.ip, FENCE_GROUP, b"reflected"))
    net.settle()
    for up in net.ups.values():
        up.send(frames.udp(OUTSIDE, "10.0.0.99", FENCE_GROUP, b"fence"))
    for guest in (vm1, vm2):
        guest.expect_none(frames.is_payload(b"reflected"), frames.is_payload(b"fence"))
    assert net.switch.drops()["reflected"] == 2


def test_forged_source_is_dropped(net):
    net = net({"vm1": {}, "vm2": {}})
    vm1, vm2 = net.guests.values()
    vm1.send(unicast("02:00:00:00:00:66", vm2.mac, b"forged"))
    vm1.send(unicast("01:00:5e:00:00:66", vm2.mac, b"forged"))
    fence_from(net, vm1)
    vm2.expect_none(frames.is_payload(b"forged"), frames.is_payload(b"guest fence"))
    drops = net.switch.drops()
    assert (drops["forged_source"], drops["bad_source"]) == (1, 1)


def test_forged_transmits_accept(net):
    net = net({"vm1": {"security": {"forged_transmits": "accept"}}, "vm2": {}})
    vm1, vm2 = net.guests.values()
    vm1.send(unicast("02:00:00:00:00:66", vm2.mac, b"nested"))
    vm2.expect(frames.is_payload(b"nested"))


def test_promiscuous_guest_sees_unicast_of_others(net):
    net = net({"vm1": {"security": {"promiscuous": "accept"}}, "vm2": {}})
    vm1, vm2 = net.guests.values()
    net.up.send(unicast(OUTSIDE, vm2.mac, b"to vm2"))
    vm2.expect(frames.is_payload(b"to vm2"))
    vm1.expect(frames.is_payload(b"to vm2"))
    net.up.send(unicast(OUTSIDE, "02:00:00:00:00:55", b"to nobody"))
    vm1.expect(frames.is_payload(b"to nobody"))


def test_bridge_protocols_stay_on_their_link(net):
    net = net({"vm1": {}})
    vm1 = net.guests["vm1"]
    bpdu = frames.padded(frames.ether(OUTSIDE, "01:80:c2:00:00:00") / bytes(40))
    net.up.send(bpdu)
    fence_from_uplink(net)
    vm1.expect_none(frames.is_dst("01:80:c2:00:00:00"), frames.is_payload(b"fence"))
    assert net.switch.drops()["reserved_mac"] >= 1


@pytest.mark.parametrize("size", [0, 1, 13])
def test_runt_from_a_guest(net, size):
    net = net({"vm1": {}})
    vm1 = net.guests["vm1"]
    vm1.send(bytes(size))
    fence_from(net, vm1)
    net.up.expect(frames.is_payload(b"guest fence"))


def test_tap_as_guest(net):
    """A guest port may be any ethdev: the host itself is a subscriber."""
    net = net({"vm1": {}, "host": {"device": "net_tap9", "mac": "52:54:00:00:00:aa"}},
              eal=["--vdev", "net_tap9,iface=host0"])
    host = frames.Tap(net.wire, "host0")
    net.wire.up("host0")
    net.switch.wait("show ports", lambda ports: any(port["name"] == "host" and port["state"] == "up" for port in ports))
    host.send(frames.igmp3_join("52:54:00:00:00:aa", "10.0.0.50", "239.1.1.1"))
    net.switch.wait_member("host", "239.1.1.1")
    net.up.send(frames.udp(OUTSIDE, "10.0.0.99", "239.1.1.1", b"to the host"))
    host.expect(frames.is_payload(b"to the host"))
    host.close()
