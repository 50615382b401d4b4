# SPDX-License-Identifier: BSD-3-Clause
"""
A failover as the wire sees it: what leaves by the new uplink, byte for byte and in which order, and what is not lost meanwhile.

    test --raw-- TAP up0 --
                 TAP up1 -- mcswitch == vhost-user == guest vm1, vm2 ...
                 ...
"""

import time

import pytest

from lab import frames
from lab.frames import IS_EX, IS_IN, TO_EX, TO_IN
from lab.netns import Wire
from lab.process import wait_for
from lab.switch import Switch, available
from lab.teams import (FENCE_GROUP, OUTSIDE, SOURCE, carriers, clear, cut, is_burst, mend, out_by, reports, taken_by, team,
                       wait_carriers, wait_state, words)

ROUTER = "02:00:00:00:00:fe"
MANY = {"limits": {"groups": 4000, "sources": 2000, "reports_per_s": 100000}}
SSM, SSM6 = "232.1.1.1", "ff35::1234"


def igmp(kind):
    """What vm1 joins, and the reports that are replayed in its name, by the version of the VLAN's querier."""
    def expected(guest, vlan):
        if kind == 3:
            rows = [(IS_IN, SSM, ["10.9.9.1", "10.9.9.2"]), (IS_EX, "239.1.1.1", []), (IS_EX, "239.1.1.2", ["10.9.9.3"])]
            return [frames.igmp3_report(guest.mac, guest.ip, rows, vlan, flags="DF")]
        build = frames.igmp2_report if kind == 2 else frames.igmp1_report
        options = {"flags": "DF"} if kind == 2 else {}
        return [build(guest.mac, guest.ip, group, vlan, **options) for group in (SSM, "239.1.1.1", "239.1.1.2")]
    return expected


def mld(kind):
    def expected(guest, vlan):
        if kind == 2:
            rows = [(IS_EX, "ff05::1:3", []), (IS_IN, SSM6, ["fd00::9"])]
            return [frames.mld2_report(guest.mac, rows, vlan=vlan)]
        return [frames.mld1_report(guest.mac, group, vlan=vlan) for group in ("ff05::1:3", SSM6)]
    return expected


def join_all(net, guest, vlan=None):
    """Three IPv4 groups and two of IPv6, with sources wanted and not wanted."""
    guest.send(frames.igmp3_report(guest.mac, guest.ip, [
        (TO_EX, "239.1.1.1", []), (TO_EX, "239.1.1.2", ["10.9.9.3"]), (TO_IN, SSM, ["10.9.9.1", "10.9.9.2"])], vlan))
    guest.send(frames.mld2_report(guest.mac, [(TO_EX, "ff05::1:3", []), (TO_IN, SSM6, ["fd00::9"])], vlan=vlan))
    net.switch.wait_member(guest.name, "ff05::1:3")
    net.switch.wait_member(guest.name, SSM, source="10.9.9.2")


def fields_only(frame):
    """An IPv4 frame without its options, which version 1 has not and we send: the message and who sends it to whom."""
    seen = frames.look(frame)
    return seen.src, seen.dst, seen.vlans, seen.ip_src, seen.ip_dst, seen.kind, seen.group


@pytest.mark.parametrize("settings", [{}, {"vlan": 20}], ids=["untagged", "vlan 20"])
@pytest.mark.parametrize("v4, v6", [(3, 2), (2, 1), (1, 2), (None, None)])
def test_order_on_the_wire(net, v4, v6, settings):
    """
    RARP, then the reports as the VLAN's querier speaks (none known: as the guest does), then the queries to the guest; nothing from or
    to a guest that stays.
    """
    net = net({"vm1": settings, "vm2": settings}, uplinks=("up0", "up1"), config=team())
    vm1, vm2 = net.guests.values()
    vlan = settings.get("vlan")
    for up in net.ups.values() if v4 else ():
        up.send(frames.igmp_query(ROUTER, "10.0.0.254", version=v4, vlan=vlan))
        up.send(frames.mld_query(ROUTER, version=v6, src=frames.link_local(ROUTER), vlan=vlan))
    net.settle()
    for guest in (vm1, vm2):
        join_all(net, guest)
    wait_carriers(net, vm1="up0", vm2="up1")
    clear(net)
    cut(net, "up0")
    seen = net.ups["up1"].collect(lambda frame: frames.look(frame).kind.startswith("mld report") and
                                  (SSM6 in (frames.look(frame).group, *[row[1] for row in frames.look(frame).records])))
    expected = [frames.padded(frames.rarp(vm1.mac, vlan), 64 if vlan else 60), *map(bytes, igmp(v4 or 3)(vm1, vlan)),
                *map(bytes, mld(v6 or 2)(vm1, vlan))]
    ours = [frame for frame in seen if frames.look(frame).src == vm1.mac]
    if v4 == 1:
        assert list(map(fields_only, ours)) == list(map(fields_only, expected))
    else:
        assert ours == expected, f"{words(ours)}\nexpected {words(expected)}"
    assert not [frame for frame in seen if frames.look(frame).src == vm2.mac]
    for family in (4, 6):
        query = vm1.expect(is_burst(family))
        assert query.ns > ours[-1].ns
        assert frames.look(query).dst == vm1.mac
    clear_of_bursts(net, vm2)
    row = net.switch.ctl("show teams")[0]["last_failover"]
    assert (row["guests"], row["reports"]) == (1, len(expected) - 1)


def clear_of_bursts(net, guest):
    """No synthetic query has come to it."""
    net.settle()
    net.ups["up1"].send(frames.udp(OUTSIDE, SOURCE, FENCE_GROUP, b"fence", vlan=net.switch.guests[guest.name].get("vlan")))
    guest.expect_none(is_burst(), frames.is_payload(b"fence"))


@pytest.mark.parametrize("settings, rarps, n_reports", [
    ({}, 1, 2), ({"notify_switches": False}, 0, 2), ({"replay_memberships": False}, 1, 0),
    ({"notify_switches": False, "replay_memberships": False}, 0, 0)])
def test_each_part_can_be_switched_off(net, settings, rarps, n_reports):
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"), config=team(**settings))
    vm1 = net.guests["vm1"]
    join_all(net, vm1)
    clear(net)
    cut(net, "up0")
    vm1.expect(is_burst(6))  # the last that is done
    net.switch.wait_turn()
    seen = net.ups["up1"].drain()
    assert (sum(map(frames.is_rarp(vm1.mac), seen)), len(reports(seen, vm1.mac))) == (rarps, n_reports)


def test_failback(net):
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"), config=team())
    vm1 = net.guests["vm1"]
    join_all(net, vm1)
    cut(net, "up0")
    wait_carriers(net, vm1="up1", vm2="up1")
    clear(net)
    net.wire.up("up0")
    wait_carriers(net, vm1="up0", vm2="up1")
    seen = net.ups["up0"].collect(frames.is_report("ff05::1:3"))
    assert list(map(fields_only, seen))[0][:2] == (vm1.mac, "ff:ff:ff:ff:ff:ff")
    assert seen[1:] == [bytes(frame) for frame in igmp(3)(vm1, None) + mld(2)(vm1, None)], words(seen)
    vm1.expect(is_burst(4))
    assert not reports(net.ups["up1"].drain())


def test_no_failback(net):
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"), config=team(failback=False))
    join_all(net, net.guests["vm1"])
    cut(net, "up0")
    wait_carriers(net, vm1="up1")
    clear(net)
    mend(net, "up0")
    assert carriers(net) == {"vm1": "up1", "vm2": "up1"}
    assert not out_by(net, lambda frame: frames.is_rarp()(frame) or frames.is_report()(frame))
    cut(net, "up1")
    wait_carriers(net, vm1="up0", vm2="up0")


def test_both_down_and_back(net):
    """Carried by nobody, frames out are counted as such; the first link to return carries all, the second takes its share."""
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"), config=team())
    for guest in net.guests.values():
        join_all(net, guest)
    clear(net)
    cut(net, "up0", "up1")
    wait_carriers(net, vm1=None, vm2=None)
    vm1 = net.guests["vm1"]
    vm1.send(frames.udp(vm1.mac, vm1.ip, "10.0.0.99", b"lost", dst_mac=OUTSIDE))
    net.settle()
    assert net.switch.drops()["no_carrier"] == 1
    vm1.send(frames.udp(vm1.mac, vm1.ip, "239.1.1.1", b"among guests"))
    net.guests["vm2"].expect(frames.is_payload(b"among guests"))
    net.wire.up("up1")
    wait_carriers(net, vm1="up1", vm2="up1")
    net.switch.wait_turn()
    seen = net.ups["up1"].drain()
    for guest in net.guests.values():
        assert sum(map(frames.is_rarp(guest.mac), seen)) == 1 and len(reports(seen, guest.mac)) == 2
    mend(net, "up0")
    wait_carriers(net, vm1="up0", vm2="up1")
    frame = frames.udp(OUTSIDE, SOURCE, "239.1.1.1", b"back")
    assert taken_by(net, b"back", lambda: net.ups["up0"].send(frame)) == {"vm1": 1, "vm2": 0}


def test_flapping(net):
    """Fifty times: it ends right and nothing is left over; a guest that never moved has lost nothing."""
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"), config=team())
    vm1, vm2 = net.guests.values()
    for guest in (vm1, vm2):
        join_all(net, guest)
    net.settle()
    before, n_sent, got = net.switch.ctl("show status")["mbufs_in_use"], 0, []
    for i in range(50):
        (net.wire.up if i % 2 else net.wire.down)("up0")
        for _ in range(20):
            net.ups["up1"].send(frames.udp(OUTSIDE, SOURCE, "239.1.1.1", b"number %d" % n_sent))
            n_sent += 1
            time.sleep(0.001)
        got += [frames.look(frame).payload for frame in vm2.drain()]
    wait_state(net, "up0", "up")
    wait_carriers(net, vm1="up0", vm2="up1")
    net.ups["up1"].send(frames.udp(OUTSIDE, SOURCE, "239.1.1.1", b"fence"))
    got += [frames.look(frame).payload for frame in vm2.collect(frames.is_payload(b"fence"))]
    assert [payload for payload in got if payload.startswith(b"number")] == [b"number %d" % i for i in range(n_sent)]
    net.ups["up0"].drain()
    net.ups["up0"].send(frames.udp(OUTSIDE, SOURCE, "239.1.1.1", b"again"))
    vm1.expect(frames.is_payload(b"again"))
    clear(net)
    events = [event for event in net.switch.ctl("show events") if event["type"] == "failover" and event["port"] == "vm1"]
    assert len(events) == 50
    # what is in use is in rings and caches, which hold a few hundred at most, whatever has happened
    wait_for(lambda: net.switch.ctl("show status")["mbufs_in_use"] <= before + 600, 5, f"mbufs as before, {before}")


@pytest.mark.parametrize("version", [3, 2])
def test_two_thousand_groups(net, version):
    """IGMPv3 bundles them in a few frames; IGMPv2 has one each, and none is lost on the way."""
    net = net({"vm1": MANY, "vm2": {}}, uplinks=("up0", "up1"), config=team())
    vm1 = net.guests["vm1"]
    net.ups["up0"].send(frames.igmp_query(ROUTER, "10.0.0.254", version=version))
    groups = [f"239.9.{i // 250}.{i % 250}" for i in range(2000)]
    for start in range(0, 2000, 100):
        vm1.send(frames.igmp3_report(vm1.mac, vm1.ip, [(TO_EX, group, []) for group in groups[start:start + 100]]))
    net.switch.wait("show status", lambda status: status["rows"] == 2000, timeout=20)
    clear(net)
    cut(net, "up0")
    last = net.ups["up1"].collect(frames.is_report(groups[-1]), timeout=10)
    found = reports(last, vm1.mac)
    told = [group for frame in found for group in ([row[1] for row in frames.look(frame).records] or [frames.look(frame).group])]
    assert told == groups
    assert len(found) == (11 if version == 3 else 2000)
    row = net.switch.ctl("show teams")[0]["last_failover"]
    print(f"IGMPv{version}: {len(found)} reports on the wire within {(found[-1].ns - found[0].ns) / 1e6:.1f} ms; {row}")


def test_long_source_lists(net):
    """RFC 3376 4.2.16: INCLUDE goes on in another report; EXCLUDE ends with the report, so that nothing wanted is excluded."""
    timers = {"robustness": 1, "query_interval_ms": 125000, "query_response_ms": 10000, "last_member_interval_ms": 100}
    net = net({"vm1": MANY, "vm2": {}}, uplinks=("up0", "up1"), config={**team(), "vlans": [{"id": 0, "timers": timers}]})
    vm1 = net.guests["vm1"]
    sources = [f"10.7.{i // 250}.{i % 250}" for i in range(1000)]
    for start in range(0, 1000, 250):
        vm1.send(frames.igmp3_report(vm1.mac, vm1.ip, [(frames.ALLOW, SSM, sources[start:start + 250])]))
    vm1.send(frames.igmp3_report(vm1.mac, vm1.ip, [(TO_EX, "239.1.1.1", sources[:250])]))
    for start in range(250, 1000, 250):
        vm1.send(frames.igmp3_report(vm1.mac, vm1.ip, [(frames.BLOCK, "239.1.1.1", sources[start:start + 250])]))
    vm1.send(frames.igmp3_report(vm1.mac, vm1.ip, [(TO_EX, "239.1.1.2", [])]))
    net.switch.wait_member("vm1", "239.1.1.2")
    net.switch.wait("show groups group 239.1.1.1", lambda rows: sum(row["mode"] == "exclude" for row in rows) == 1001,
                    what="every source is excluded, after a last query")
    clear(net)
    cut(net, "up0")
    records = [row for frame in reports(net.ups["up1"].collect(frames.is_report("239.1.1.2")), vm1.mac)
               for row in frames.look(frame).records]
    included = [row for row in records if row[1] == SSM]
    assert len(included) == 3 and {row[0] for row in included} == {IS_IN}
    assert sorted(source for row in included for source in row[2]) == sorted(sources)
    excluded = [row for row in records if row[1] == "239.1.1.1"]
    assert len(excluded) == 1 and excluded[0][0] == IS_EX and set(excluded[0][2]) < set(sources) and len(excluded[0][2]) > 300


@pytest.mark.parametrize("policy", ["explicit", "port-id"])
def test_standby_promotion(net, policy):
    """Standbys in their order, one for one; a dead one is passed over; who returns takes his place."""
    active, standby = (("up0",), ("up1", "up2", "up3")) if policy == "explicit" else (("up0", "up1"), ("up2", "up3"))
    net = net({"vm1": {}, "vm2": {}}, uplinks=[f"up{i}" for i in range(4)], config=team(policy, active, standby))
    first, second = ("up0", "up0") if policy == "explicit" else ("up0", "up1")
    assert carriers(net) == {"vm1": first, "vm2": second}
    if policy == "explicit":
        steps = [("down", "up0", "up1", "up1"), ("down", "up2", "up1", "up1"), ("down", "up1", "up3", "up3"),
                 ("up", "up2", "up2", "up2"), ("up", "up0", "up0", "up0")]
    else:
        steps = [("down", "up0", "up2", "up1"), ("down", "up1", "up2", "up3"), ("down", "up2", "up3", "up3"),
                 ("up", "up2", "up2", "up3"), ("up", "up0", "up2", "up0"), ("up", "up1", "up1", "up0")]
    for i, (change, uplink, vm1, vm2) in enumerate(steps):
        (mend if change == "up" else cut)(net, uplink)
        now = carriers(net)
        assert (now["vm1"], now["vm2"]) == (vm1, vm2), steps[i]
        for name, guest in net.guests.items():
            payload = b"%s at step %d" % (name.encode(), i)
            guest.send(frames.udp(guest.mac, guest.ip, FENCE_GROUP, payload))
            assert out_by(net, frames.is_payload(payload)) == [now[name]]


def test_uplink_taken_out_by_an_operator(net):
    """uplink down while it carries: as a lost link, though the link is there; what still comes in by it reaches nobody twice."""
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"), config=team())
    vm1 = net.guests["vm1"]
    join_all(net, vm1)
    clear(net)
    net.switch.ctl("uplink down up0")
    wait_carriers(net, vm1="up1", vm2="up1")
    seen = net.ups["up1"].collect(frames.is_report("ff05::1:3"))
    assert frames.is_rarp(vm1.mac)(seen[0]) and len(reports(seen, vm1.mac)) == 2
    frame = frames.udp(OUTSIDE, SOURCE, "239.1.1.1", b"by both")  # the physical switch has not pruned the old port yet
    assert taken_by(net, b"by both", lambda: [up.send(frame) for up in net.ups.values()])["vm1"] == 1
    assert next(row["state"] for row in net.switch.ctl("show uplinks") if row["name"] == "up0") == "disabled"
    cut(net, "up1")
    wait_carriers(net, vm1=None)
    net.switch.ctl("uplink up up0")
    wait_carriers(net, vm1="up0", vm2="up0")


def test_events_tell_of_it(net):
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"), config=team())
    join_all(net, net.guests["vm1"])
    watch = net.switch.watch()
    cut(net, "up0")
    watch.expect(type="link", port="up0", text="up0 is down")
    watch.expect(type="failover", port="vm1", text="vm1 is carried by up1")
    watch.expect(type="burst", port="vm1")
    net.switch.wait("show events", lambda events: any(event["text"].startswith("team0: 1 guest moved") for event in events))
    table = net.switch.text("show teams").splitlines()
    assert "Last-Failover" in table[0] and "up0,up1" in table[1]


def test_filters_of_all_uplinks_are_the_same():
    """What the new uplink's NIC lets in covers the groups before it carries anybody: every member has the whole list at all times."""
    if available():
        pytest.skip(available())
    with Wire(bridge=False) as wire, Switch(wire, uplinks=("up0", "up1", "up2"), guests={"vm1": {"mac": "52:54:00:00:00:01"}},
                                            config=team("explicit", ("up0",), ("up1", "up2")), start=False) as switch:
        for row in switch.config["uplinks"]:
            row["multicast"] = "list"
        switch.start()
        for name in ("up0", "up1", "up2"):
            wire.wait_dev(name)
            wire.up(name)
        wire.down("up2")
        vm1 = switch.vguest("vm1", ip="10.0.0.1")
        vm1.wait_up()
        for n, group in enumerate(["239.1.1.1", "239.2.2.2"], 1):
            vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, group))
            switch.wait("show uplinks", lambda rows: {row["multicast_filter"] for row in rows} == {f"list of {258 + n}"})
        wire.down("up0")
        switch.wait("show ports", lambda ports: any(port["carrier"] == "up1" for port in ports))
        assert {row["multicast_filter"] for row in switch.ctl("show uplinks")} == {"list of 260"}
        switch.check_law()
        switch.stop()
