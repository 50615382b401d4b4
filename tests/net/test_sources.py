# SPDX-License-Identifier: BSD-3-Clause
"""
Forwarding exact to (source, group): what was asked for, what was excluded, what nobody named; and leaves that cut nobody else.

    test, as sources s1 s2 s3 s9 --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2, vm3
"""

import pytest

from lab import frames, groupmsg
from lab.frames import ALLOW, BLOCK, IS_EX, IS_IN, TO_EX, TO_IN

ROUTER = "02:00:00:00:00:99"
FENCE_GROUP = "224.0.0.251"
SLOW = {"robustness": 2, "query_interval_ms": 125000, "query_response_ms": 10000, "last_member_interval_ms": 30000}
FAST = {**SLOW, "last_member_interval_ms": 100}
THREE = {"vm1": {}, "vm2": {}, "vm3": {}}
GROUPS = {4: "239.1.1.1", 6: "ff15::1:1"}


def both(test):
    """The test of one family becomes a test of IGMPv3 and then MLDv2 on the same switch."""
    def run(net, **kwargs):
        made = []

        def once(*args, **settings):
            if not made:
                made.append(net(*args, **settings))
            return made[0]
        for family in (4, 6):
            test(once, family, **kwargs)
    run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
    return run


def source(i, family=4):
    return f"10.9.0.{i}" if family == 4 else f"2001:db8::{i}"


def report(guest, group, kind, sources=(), mac=None, ip=None):
    """One record of version 3 (MLD 2); sources are numbers."""
    family = 6 if ":" in group else 4
    record = [(kind, group, [source(i, family) for i in sources])]
    if family == 6:
        return bytes(frames.mld2_report(mac or guest.mac, record))
    return bytes(frames.igmp3_report(mac or guest.mac, ip or guest.ip, record))


def say(net, name, group, kind, sources=()):
    net.guests[name].send(report(net.guests[name], group, kind, sources))
    net.settle()


def data(i, group, payload, vlan=None):
    return bytes(frames.udp(ROUTER, source(i, 6 if ":" in group else 4), group, payload, vlan=vlan))


def fence(net, vlan=None):
    """A frame that every guest gets, behind all that was sent before; its payload."""
    fence.number += 1
    payload = b"fence %d" % fence.number
    net.up.send(frames.udp(ROUTER, "10.9.0.99", FENCE_GROUP, payload, vlan=vlan))
    return payload


fence.number = 0


def arrived(guest, payload):
    """Payloads of the data that came before the fence."""
    return [seen.payload for seen in map(frames.look, guest.collect(frames.is_payload(payload))[:-1]) if seen.payload]


def matrix(net, group, wanted, vlan=None):
    """A frame from each of s1, s2, s3 and s9, whom nobody names, reaches exactly the guests of wanted[number], once."""
    arrived_at = {}
    sent = {i: b"from s%d, %d" % (i, fence.number) for i in (1, 2, 3, 9)}
    net.up.send([data(i, group, payload, vlan) for i, payload in sent.items()])
    end = fence(net, vlan)
    for name, guest in net.guests.items():
        for payload in arrived(guest, end):
            arrived_at.setdefault(payload, []).append(name)
    found = {i: arrived_at.get(payload, []) for i, payload in sent.items()}
    assert found == {i: wanted.get(i, wanted[9]) for i in sent}


@both
def test_include_lists_of_several_guests(net, family):
    net, group = net(THREE, config={"vlans": [{"id": 0, "timers": FAST, "querier": "off"}]}), GROUPS[family]
    say(net, "vm1", group, TO_IN, [1, 2])
    say(net, "vm2", group, IS_IN, [2, 3])
    matrix(net, group, {1: ["vm1"], 2: ["vm1", "vm2"], 3: ["vm2"], 9: []})
    say(net, "vm1", group, ALLOW, [3])
    matrix(net, group, {1: ["vm1"], 2: ["vm1", "vm2"], 3: ["vm1", "vm2"], 9: []})
    say(net, "vm1", group, BLOCK, [1, 2])
    net.switch.wait_member("vm1", group, source(2, family), member=False)
    matrix(net, group, {1: [], 2: ["vm2"], 3: ["vm1", "vm2"], 9: []})


@both
def test_exclude_lists_of_several_guests(net, family):
    net, group = net(THREE), GROUPS[family]
    say(net, "vm1", group, TO_EX, [1, 2])
    say(net, "vm2", group, IS_EX, [2])
    say(net, "vm3", group, TO_EX)
    matrix(net, group, {1: ["vm2", "vm3"], 2: ["vm3"], 9: ["vm1", "vm2", "vm3"]})
    say(net, "vm1", group, ALLOW, [1])
    matrix(net, group, {1: ["vm1", "vm2", "vm3"], 2: ["vm3"], 9: ["vm1", "vm2", "vm3"]})


@both
def test_include_and_exclude_of_one_group(net, family):
    net, group = net(THREE), GROUPS[family]
    say(net, "vm1", group, TO_IN, [1])
    say(net, "vm2", group, TO_EX, [1])
    matrix(net, group, {1: ["vm1"], 9: ["vm2"]})
    say(net, "vm3", group, TO_IN, [1, 2])
    matrix(net, group, {1: ["vm1", "vm3"], 2: ["vm2", "vm3"], 9: ["vm2"]})


@both
def test_a_mode_changes_in_one_step(net, family):
    """INCLUDE{s1} to EXCLUDE{s2} and back: no frame of s1 is lost on the way."""
    net, group = net({"vm1": {}, "vm2": {}}, config={"vlans": [{"id": 0, "timers": FAST, "querier": "off"}]}), GROUPS[family]
    say(net, "vm1", group, TO_IN, [1])
    matrix(net, group, {1: ["vm1"], 9: []})
    say(net, "vm1", group, TO_EX, [2])
    matrix(net, group, {1: ["vm1"], 2: [], 9: ["vm1"]})
    say(net, "vm1", group, TO_IN, [1])
    net.switch.wait_member("vm1", group, member=False)
    matrix(net, group, {1: ["vm1"], 9: []})


@both
def test_change_under_traffic_costs_the_others_nothing(net, family):
    """vm1 changes its list between any two frames; vm2 wants all, vm3 wants s1: each gets every frame it wants, once, in order."""
    net, group = net(THREE, config={"vlans": [{"id": 0, "timers": FAST, "querier": "off", "fast_leave": True}]}), GROUPS[family]
    vm1 = net.guests["vm1"]
    say(net, "vm2", group, TO_EX)
    say(net, "vm3", group, TO_IN, [1])
    changes = [(TO_IN, [1, 2]), (ALLOW, [3]), (BLOCK, [1]), (TO_EX, [2]), (ALLOW, [2]), (BLOCK, [3]), (TO_IN, []), (TO_EX, [])]
    number = 0
    for kind, listed in changes * 6:
        reports = report(vm1, group, kind, listed)
        sent = {i: [] for i in (1, 2, 3)}
        for burst in range(4):
            for i in sent:
                number += 1
                sent[i].append(b"%08d" % number)
                net.up.send(data(i, group, sent[i][-1]))
            if burst == 1:  # no waiting: frames are on their way while it acts
                vm1.send(reports)
        end = fence(net)
        assert arrived(net.guests["vm2"], end) == sorted(sum(sent.values(), []))
        assert arrived(net.guests["vm3"], end) == sent[1]
        came = arrived(vm1, end)
        assert came == sorted(set(came))
    net.settle()


@pytest.mark.parametrize("group", ["232.1.1.1", "ff3e::1:1"])
def test_source_specific_ranges(net, group):
    """RFC 4604: EXCLUDE and older reports mean nothing in 232/8 and ff3x::/32."""
    net = net({"vm1": {}, "vm2": {}})
    vm1 = net.guests["vm1"]
    say(net, "vm1", group, TO_EX)
    say(net, "vm1", group, IS_EX, [1])
    vm1.send(frames.mld1_report(vm1.mac, group) if ":" in group else frames.igmp2_report(vm1.mac, vm1.ip, group))
    net.settle()
    assert net.switch.groups(port="vm1", group=group) == []
    matrix(net, group, {9: []})
    say(net, "vm1", group, TO_IN, [1])
    matrix(net, group, {1: ["vm1"], 9: []})


def asked(guest, group, timeout=5.0):
    """The next specific query that the guest gets."""
    return groupmsg.query_of(guest.expect(frames.is_query(group), timeout))


@both
def test_specific_queries_on_leave_and_block(net, family):
    """RFC 3376 6.6.3: the switch is the querier, so it asks the port of the leave, robustness times, and nobody else."""
    net, group = net(THREE, config={"vlans": [{"id": 0, "timers": {**FAST, "robustness": 3}, "querier": "auto"}]}), GROUPS[family]
    vm1 = net.guests["vm1"]
    say(net, "vm1", group, TO_IN, [1, 2])
    say(net, "vm2", group, TO_EX)
    say(net, "vm1", group, BLOCK, [2])
    for _ in range(3):
        query = asked(vm1, group)
        assert (query.sources, query.suppress, query.max_response_s) == ([source(2, family)], False, 0.1)
        assert (query.checksum_ok, query.router_alert, query.ttl, query.qrv, query.qqic) == (True, True, 1, 3, 125)
        assert (query.destination, query.eth_destination) == (group, frames.group_mac(group))
    net.switch.wait_member("vm1", group, source(2, family), member=False)
    say(net, "vm1", group, TO_EX)
    say(net, "vm1", group, TO_IN)
    for _ in range(3):
        query = asked(vm1, group)
        while query.sources:  # s1 goes as well
            query = asked(vm1, group)
    net.switch.wait_member("vm1", group, member=False)
    matrix(net, group, {9: ["vm2"]})
    end = fence(net)
    for name in ("vm2", "vm3"):
        net.guests[name].expect_none(frames.is_query(group), frames.is_payload(end))


@pytest.mark.parametrize("family", [4, 6], ids=["igmpv2", "mldv1"])
def test_a_leave_of_older_versions_is_asked_about_too(net, family):
    net, group = net({"vm1": {}}, config={"vlans": [{"id": 0, "timers": FAST, "querier": "auto"}]}), GROUPS[family]
    vm1 = net.guests["vm1"]
    join, leave = ((frames.mld1_report(vm1.mac, group), frames.mld1_done(vm1.mac, group)) if family == 6 else
                   (frames.igmp2_report(vm1.mac, vm1.ip, group), frames.igmp2_leave(vm1.mac, vm1.ip, group)))
    vm1.send(join)
    net.switch.wait_member("vm1", group)
    vm1.send(leave)
    assert asked(vm1, group).sources == []
    vm1.send(join)  # in time: the flow goes on
    net.settle()
    assert asked(vm1, group).suppress
    matrix(net, group, {9: ["vm1"]})


NESTED = {"vm1": {"trunk": [20, 30], "security": {"forged_transmits": "accept"}}, "vm2": {"trunk": [20]}}


@pytest.mark.parametrize("querier, fast_leave", [("off", False), ("auto", False), ("off", True), ("auto", True)])
def test_a_leave_never_cuts_the_sibling_behind_a_trunk(net, querier, fast_leave):
    """Two hosts nested in vm1: what one leaves, the other goes on getting, frame by frame."""
    both(sibling)(net, querier=querier, fast_leave=fast_leave)


def sibling(net, family, querier, fast_leave):
    net = net(NESTED, config={"vlans": [{"id": 20, "timers": FAST, "querier": querier, "fast_leave": fast_leave}]})
    group, vm1, hosts = GROUPS[family], net.guests["vm1"], ["52:54:00:00:00:01", "52:54:00:00:aa:02"]

    def host_says(i, kind):
        frame = report(vm1, group, kind, mac=hosts[i], ip=f"10.0.0.{10 + i}")
        vm1.send(frame[:12] + b"\x81\0\0\x14" + frame[12:])
        net.settle()
    for i in (0, 1):
        host_says(i, TO_EX)
    for left in (0, 0):  # said twice, as robust hosts do
        matrix(net, group, {9: ["vm1"]}, vlan=20)
        host_says(left, TO_IN)
        if querier == "auto":  # the sibling is asked, and answers
            host_says(1, IS_EX)
        matrix(net, group, {9: ["vm1"]}, vlan=20)
    reporters = [row["mac"] for row in net.switch.ctl("show snooping vlan 20") if row["group"] == group]
    assert reporters == [hosts[1]]
    host_says(1, TO_IN)
    net.switch.wait_member("vm1", group, member=False)
    matrix(net, group, {9: []}, vlan=20)


@both
def test_fast_leave_is_instant(net, family):
    """`fast_leave`: the last reporter's leave ends the flow before anybody is asked; without it, last member query time later."""
    net, group = net({"vm1": {}}, config={"vlans": [{"id": 0, "timers": SLOW, "querier": "auto"}]}), GROUPS[family]
    net.switch.ctl("set vlan 0 fast_leave false")
    say(net, "vm1", group, TO_EX)
    say(net, "vm1", group, TO_IN)
    matrix(net, group, {9: ["vm1"]})
    net.switch.ctl("set vlan 0 fast_leave true")
    say(net, "vm1", group, TO_EX)
    before = sum(asked_count(net))
    say(net, "vm1", group, TO_IN)
    matrix(net, group, {9: []})
    assert sum(asked_count(net)) == before


def asked_count(net):
    """Queries sent to vm1, by version and family."""
    row = net.switch.ctl("show counters port vm1")[0]
    return [*row["igmp"]["queries_tx"].values(), *row["mld"]["queries_tx"].values()]
