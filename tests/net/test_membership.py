# SPDX-License-Identifier: BSD-3-Clause
"""
Joins, leaves and expiry seen from the wire: who gets a group, and where reports and queries go.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2, vm3
"""

import pytest

from lab import frames

SOURCE_MAC, SOURCE = "02:00:00:00:00:99", "10.0.0.99"
GROUP, OTHER = "239.1.1.1", "239.2.2.2"
FENCE_GROUP = "224.0.0.251"  # link-local: reaches every port without a join
FAST = {"robustness": 2, "query_interval_ms": 2000, "query_response_ms": 500, "last_member_interval_ms": 200}
THREE = {"vm1": {}, "vm2": {}, "vm3": {}}


def stream(net, group, payload):
    net.up.send(frames.udp(SOURCE_MAC, SOURCE, group, payload))


def reaches(net, group, names, payload=None):
    """A frame to `group` from the uplink arrives at exactly these guests: those get it, the others get the fence without it."""
    payload = payload or f"to {group}".encode()
    fence = b"fence after " + payload
    stream(net, group, payload)
    stream(net, FENCE_GROUP, fence)
    for name, guest in net.guests.items():
        seen = guest.collect(frames.is_payload(fence))
        count = sum(frames.look(frame).payload == payload for frame in seen)
        assert count == (1 if name in names else 0), f"{name} got {count} of {payload!r}"


def join3(guest, group, sources=()):
    guest.send(frames.igmp3_join(guest.mac, guest.ip, group, sources))


def join2(guest, group, sources=()):
    guest.send(frames.igmp2_report(guest.mac, guest.ip, group))


@pytest.mark.parametrize("join", [join2, join3], ids=["igmpv2", "igmpv3"])
def test_join_and_leave(net, join):
    net = net(THREE, config={"vlans": [{"id": 0, "timers": FAST}]})
    vm1 = net.guests["vm1"]
    reaches(net, GROUP, [])
    join(vm1, GROUP)
    net.switch.wait_member("vm1", GROUP)
    reaches(net, GROUP, ["vm1"])
    reaches(net, OTHER, [])
    if join is join2:
        vm1.send(frames.igmp2_leave(vm1.mac, vm1.ip, GROUP))
    else:
        vm1.send(frames.igmp3_leave(vm1.mac, vm1.ip, GROUP))
    net.switch.wait_member("vm1", GROUP, member=False)
    reaches(net, GROUP, [], b"after the leave")


def test_join_by_several_guests_and_one_leaves(net):
    net = net(THREE, config={"vlans": [{"id": 0, "timers": FAST}]})
    for name in ("vm1", "vm2"):
        join3(net.guests[name], GROUP)
        net.switch.wait_member(name, GROUP)
    reaches(net, GROUP, ["vm1", "vm2"])
    vm1 = net.guests["vm1"]
    vm1.send(frames.igmp3_leave(vm1.mac, vm1.ip, GROUP))
    net.switch.wait_member("vm1", GROUP, member=False)
    reaches(net, GROUP, ["vm2"], b"after one left")


def test_membership_expires_without_reports(net):
    """RFC 3376 8.4: after Robustness x Query Interval + Query Response Interval, and not before."""
    net = net({"vm1": {}}, config={"vlans": [{"id": 0, "timers": FAST}]})
    join3(net.guests["vm1"], GROUP)
    rows = net.switch.wait_member("vm1", GROUP)
    row = next(row for row in rows if row["group"] == GROUP)
    assert 0 < row["expires_ms"] <= 4500
    reaches(net, GROUP, ["vm1"])
    net.switch.wait_member("vm1", GROUP, member=False, timeout=8)
    reaches(net, GROUP, [], b"after expiry")


def test_the_31_other_groups_of_a_mac_do_not_leak(net):
    """Paper page 2: 224.1.5.6, 224.129.5.6, 225.1.5.6 share 01:00:5e:01:05:06; forwarding is by IP group."""
    net = net({"vm1": {}, "vm2": {}})
    join3(net.guests["vm1"], "224.1.5.6")
    net.switch.wait_member("vm1", "224.1.5.6")
    for group in ("224.129.5.6", "225.1.5.6", "225.129.5.6", "239.129.5.6"):
        assert frames.group_mac(group) == "01:00:5e:01:05:06"
        reaches(net, group, [])
    reaches(net, "224.1.5.6", ["vm1"])


def test_link_local_groups_reach_every_port_without_a_join(net):
    """Paper page 1: 224.0.0.0/24."""
    net = net(THREE, config={"vlans": [{"id": 0, "unregistered": "drop"}]})
    for group in ("224.0.0.5", "224.0.0.251"):
        reaches(net, group, ["vm1", "vm2", "vm3"], f"ospf or mdns {group}".encode())


@pytest.mark.parametrize("report", [
    lambda g: frames.igmp2_report(g.mac, g.ip, GROUP),
    lambda g: frames.igmp2_leave(g.mac, g.ip, GROUP),
    lambda g: frames.igmp3_join(g.mac, g.ip, GROUP),
    lambda g: frames.mld2_join(g.mac, "ff05::1:3"),
    lambda g: frames.mld1_report(g.mac, "ff05::1:3"),
], ids=["igmpv2", "leave", "igmpv3", "mldv2", "mldv1"])
def test_reports_go_out_of_the_uplink_and_never_to_other_guests(net, report):
    """protocol.md point 4: a guest that hears another's report stays silent and drops out of the group."""
    net = net(THREE)
    vm1 = net.guests["vm1"]
    sent = bytes(report(vm1))
    vm1.send(sent)
    assert net.up.expect(lambda frame: frames.look(frame).src == vm1.mac) == sent
    stream(net, FENCE_GROUP, b"fence")
    for name in ("vm2", "vm3"):
        net.guests[name].expect_none(lambda frame: frames.look(frame).src == vm1.mac, frames.is_payload(b"fence"))


def test_router_queries_pass_to_every_guest(net):
    net = net(THREE)
    query = bytes(frames.igmp_query("02:00:00:00:00:01", "10.0.0.254"))
    net.up.send(query)
    for guest in net.guests.values():
        assert guest.expect(frames.is_query(family=4))[:len(query)] == query


def test_a_guest_may_not_be_querier(net):
    net = net({"vm1": {}, "vm2": {}})
    vm1, vm2 = net.guests["vm1"], net.guests["vm2"]
    vm1.send(frames.igmp_query(vm1.mac, vm1.ip))
    vm1.send(frames.pim_hello(vm1.mac, vm1.ip))
    net.settle()
    stream(net, FENCE_GROUP, b"fence")
    vm2.expect_none(lambda frame: frames.look(frame).src == vm1.mac, frames.is_payload(b"fence"))
    drops = net.switch.drops()
    assert drops["guest_query"] == 1
    assert drops["guest_pim"] == 1


@pytest.mark.parametrize("policy, names", [
    ("flood", ["vm1", "vm2"]),
    ("router-ports", []),
    ("drop", []),
])
def test_unregistered_groups_follow_the_policy(net, policy, names):
    net = net({"vm1": {}, "vm2": {}}, config={"vlans": [{"id": 0, "unregistered": policy}]})
    reaches(net, GROUP, names)


@pytest.mark.parametrize("policy", ["flood", "router-ports", "drop"])
def test_guest_multicast_always_reaches_the_uplink(net, policy):
    """protocol.md: others subscribe beyond us."""
    net = net({"vm1": {}, "vm2": {}}, config={"vlans": [{"id": 0, "unregistered": policy}]})
    vm1 = net.guests["vm1"]
    vm1.send(frames.udp(vm1.mac, vm1.ip, GROUP, b"from a guest"))
    net.up.expect(frames.is_payload(b"from a guest"))


def test_guest_to_guest_multicast(net):
    net = net(THREE)
    vm1, vm2, vm3 = (net.guests[name] for name in ("vm1", "vm2", "vm3"))
    join3(vm2, GROUP)
    net.switch.wait_member("vm2", GROUP)
    vm1.send(frames.udp(vm1.mac, vm1.ip, GROUP, b"between guests"))
    vm2.expect(frames.is_payload(b"between guests"))
    net.up.expect(frames.is_payload(b"between guests"))
    stream(net, FENCE_GROUP, b"fence")
    vm3.expect_none(frames.is_payload(b"between guests"), frames.is_payload(b"fence"))
    vm1.expect_none(frames.is_payload(b"between guests"), frames.is_payload(b"fence"))


@pytest.mark.parametrize("join", [frames.mld1_report, frames.mld2_join], ids=["mldv1", "mldv2"])
def test_ipv6_groups_are_forwarded_after_mld(net, join):
    net = net({"vm1": {}, "vm2": {}})
    group = "ff05::1:3"
    net.guests["vm1"].send(join(net.guests["vm1"].mac, group))
    net.switch.wait_member("vm1", group)
    net.up.send(frames.udp(SOURCE_MAC, "fd00::99", group, b"ipv6"))
    net.guests["vm1"].expect(frames.is_payload(b"ipv6"))
    stream(net, FENCE_GROUP, b"fence")
    net.guests["vm2"].expect_none(frames.is_payload(b"ipv6"), frames.is_payload(b"fence"))


def test_neighbour_discovery_never_breaks(net):
    """ff02::1 and solicited-node groups reach the guests whatever the policy, reported or not."""
    net = net({"vm1": {}, "vm2": {}}, config={"vlans": [{"id": 0, "unregistered": "drop"}]})
    for group in ("ff02::1", "ff02::1:ff00:1"):
        payload = group.encode()
        net.up.send(frames.udp(SOURCE_MAC, "fe80::99", group, payload))
        for guest in net.guests.values():
            guest.expect(frames.is_payload(payload))


def test_static_members(net):
    net = net({"vm1": {}, "vm2": {}}, config={"vlans": [{"id": 0, "static": [{"group": GROUP, "ports": ["vm1"]}]}]})
    rows = net.switch.wait_member("vm1", GROUP)
    assert [(row["origin"], row["expires_ms"]) for row in rows if row["group"] == GROUP] == [("static", None)]
    reaches(net, GROUP, ["vm1"])


def test_join_to_first_frame_is_quick(net):
    """A stream already flows; the guest's report lets the very next frames in. The figure is printed, the order asserted."""
    net = net({"vm1": {}})
    vm1 = net.guests["vm1"]
    join3(vm1, GROUP)
    report = net.up.expect(frames.is_report(GROUP))
    for i in range(200):
        stream(net, GROUP, b"stream %d" % i)
    first = vm1.expect(lambda frame: frames.look(frame).payload.startswith(b"stream "))
    print(f"report on the wire to first frame at the guest: {(first.ns - report.ns) / 1e6:.2f} ms")


def test_unregistered_groups_are_flooded_while_nobody_asks(net):
    """protocol.md: with no querier known and ours off, flood after a grace period (RV x QI + QRI / 2) and do not black-hole."""
    net = net({"vm1": {}, "vm2": {}}, config={"vlans": [{"id": 0, "unregistered": "drop", "querier": "off", "timers": {
        "robustness": 1, "query_interval_ms": 6000, "query_response_ms": 200, "last_member_interval_ms": 100}}]})
    reaches(net, GROUP, [], b"within the grace period")
    net.switch.wait("show events", lambda events: sum("are flooded" in event["text"] for event in events) == 2, timeout=15)
    reaches(net, GROUP, ["vm1", "vm2"], b"flooded")
    net.up.send(frames.igmp_query("02:00:00:00:00:01", "10.0.0.254", qqic=10))
    net.switch.wait("show events", lambda events: any("holds again" in event["text"] for event in events))
    reaches(net, GROUP, [], b"a querier is there")
