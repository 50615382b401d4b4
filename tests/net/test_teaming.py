# SPDX-License-Identifier: BSD-3-Clause
"""
NIC teaming: who carries whom, what goes out where, and that nothing comes twice. The tests are the physical network.

    test --raw-- TAP up0 --
                 TAP up1 -- mcswitch == vhost-user == guest vm1, vm2 ...
                 ...
"""

import collections

import pytest

from lab import frames
from lab.switch import Refused
from lab.teams import (FENCE_GROUP, OUTSIDE, SOURCE, carriers, clear, cut, mend, out_by, state, taken_by, team, wait_carriers,
                       wait_state)

POLICIES = ["port-id", "mac-hash", "ip-hash", "explicit"]
FOUR = {f"vm{i}": {} for i in range(1, 5)}
GROUP = "239.1.1.1"


def spoken_by(net, guest, payload=b"out"):
    guest.send(frames.udp(guest.mac, guest.ip, FENCE_GROUP, payload))
    return out_by(net, frames.is_payload(payload))


@pytest.mark.parametrize("policy, active, standby, expected", [
    ("port-id", ("up0", "up1"), (), {"vm1": "up0", "vm2": "up1", "vm3": "up0", "vm4": "up1"}),
    ("port-id", ("up0",), ("up1",), dict.fromkeys(FOUR, "up0")),
    ("port-id", ("up0", "up1", "up2"), (), {"vm1": "up0", "vm2": "up1", "vm3": "up2", "vm4": "up0"}),
    ("explicit", ("up1", "up0"), (), dict.fromkeys(FOUR, "up1")),
    ("explicit", ("up0",), ("up1",), dict.fromkeys(FOUR, "up0")),
    ("ip-hash", ("up0", "up1"), (), dict.fromkeys(FOUR, "up0,up1")),
])
def test_who_carries_whom(net, policy, active, standby, expected):
    """What is shown, and what the wire says: one uplink for both directions."""
    net = net(FOUR, uplinks=[f"up{i}" for i in range(len(active + standby))], config=team(policy, active, standby))
    assert carriers(net) == expected
    carried = {row["name"]: row["carries"] for row in net.switch.ctl("show uplinks")}
    for uplink, guests in carried.items():
        assert guests == [name for name, carrier in expected.items() if uplink in carrier.split(",")]
    for name, guest in net.guests.items():
        out = spoken_by(net, guest)
        assert len(out) == 1 and out[0] in expected[name].split(",")


def test_mac_hash_follows_the_address(net):
    """The same addresses on other ports, in another order: the same uplinks."""
    macs = [f"52:54:00:00:00:{i:02x}" for i in range(1, 9)]
    before = None
    for order in (macs, macs[::-1]):
        one = net({f"vm{i}": {"mac": mac} for i, mac in enumerate(order)}, uplinks=("up0", "up1"), config=team("mac-hash"))
        by_mac = {port["mac"]: port["carrier"] for port in one.switch.ctl("show ports") if port["role"] == "guest"}
        assert set(by_mac.values()) == {"up0", "up1"}
        assert before in (None, by_mac)
        before = by_mac
        guest = next(iter(one.guests.values()))
        assert spoken_by(one, guest) == [by_mac[guest.mac]]
        one.finish()
        one.close()


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_is_duplicated_or_looped(net, policy):
    """
    The physical switch floods into both uplinks of an active-active team: each guest takes it once. Of a port channel it sends into
    one, whichever. What came in by an uplink leaves by none, and a guest's own frame that comes back is dropped and counted.
    """
    net = net(FOUR, uplinks=("up0", "up1"), config=team(policy))
    clear(net)
    channel = policy == "ip-hash"
    for i, (group, mac) in enumerate([(FENCE_GROUP, None), ("10.0.0.255", "ff:ff:ff:ff:ff:ff"), ("ff02::1", None)]):
        payload = b"flooded %d" % i
        source = "fe80::99" if ":" in group else SOURCE
        frame = frames.udp(OUTSIDE, source, group, payload, dst_mac=mac)
        into = [list(net.ups.values())[i % 2]] if channel else net.ups.values()
        assert taken_by(net, payload, lambda: [up.send(frame) for up in into]) == dict.fromkeys(FOUR, 1)
        assert not out_by(net, lambda seen: frames.look(seen).src == OUTSIDE)
    vm1 = net.guests["vm1"]
    vm1.send(frames.udp(vm1.mac, vm1.ip, FENCE_GROUP, b"echo"))
    out = out_by(net, frames.is_payload(b"echo"))
    assert len(out) == 1
    for guest in net.guests.values():
        guest.drain()
    other = next(up for name, up in net.ups.items() if name != out[0])
    echo = frames.udp(vm1.mac, vm1.ip, FENCE_GROUP, b"echo")
    assert taken_by(net, b"echo", lambda: other.send(echo)) == dict.fromkeys(FOUR, 0)
    assert net.switch.drops()["reflected"] == 1


@pytest.mark.parametrize("policy", POLICIES)
def test_multicast_is_taken_from_the_carrier_alone(net, policy):
    net = net(FOUR, uplinks=("up0", "up1"), config=team(policy))
    for name, guest in net.guests.items():
        guest.send(frames.igmp3_join(guest.mac, guest.ip, GROUP))
        net.switch.wait_member(name, GROUP)
    clear(net)
    for uplink, up in net.ups.items():
        frame = frames.udp(OUTSIDE, SOURCE, GROUP, uplink.encode())
        expected = {name: int(uplink in carrier.split(",")) for name, carrier in carriers(net).items()}
        assert taken_by(net, uplink.encode(), lambda: up.send(frame)) == expected


@pytest.mark.parametrize("policy", POLICIES)
def test_reports_leave_by_the_carrier(net, policy):
    """Of every kind, once, and to no guest: else a snooping switch beyond would prune what is needed, or add what is not."""
    net = net(FOUR, uplinks=("up0", "up1"), config=team(policy))
    clear(net)
    used = set()
    for name, guest in net.guests.items():
        for report in (frames.igmp1_report(guest.mac, guest.ip, GROUP), frames.igmp2_report(guest.mac, guest.ip, GROUP),
                       frames.igmp3_join(guest.mac, guest.ip, GROUP), frames.mld1_report(guest.mac, "ff05::1:3"),
                       frames.mld2_join(guest.mac, "ff05::1:3"), frames.igmp2_leave(guest.mac, guest.ip, GROUP)):
            guest.send(report)
            out = out_by(net, lambda frame: bytes(frame) == bytes(report))
            assert len(out) == 1 and out[0] in carriers(net)[name].split(",")
            used.add(out[0])
    assert used == ({"up0"} if policy == "explicit" else {"up0", "up1"})  # under ip-hash they are spread like other frames
    for guest in net.guests.values():
        assert not [frame for frame in guest.drain() if frames.is_report()(frame)]


# ---- ip-hash ----

def flows(net, guest, n=512):
    """{(source, group): uplink}: each flow's frame leaves by exactly one."""
    for i in range(n):
        guest.send(frames.udp(guest.mac, f"10.1.{i % 16}.1", f"239.9.{i // 16}.1", b"flow"))
        if i % 64 == 63:
            guest.wait_sent()
    net.settle()
    net.switch.wait_turn()
    taken = {}
    for uplink, up in net.ups.items():
        for frame in up.drain():
            seen = frames.look(frame)
            if seen.payload == b"flow":
                assert (seen.ip_src, seen.ip_dst) not in taken
                taken[seen.ip_src, seen.ip_dst] = uplink
    assert len(taken) == n
    return taken


def test_ip_hash_spreads_evenly_and_stays(net):
    """The same source and group always by the same live uplink; a member's loss moves its flows alone, its return brings them back."""
    net = net({"vm1": {}}, uplinks=("up0", "up1", "up2"), config=team("ip-hash", ("up0", "up1", "up2")))
    vm1 = net.guests["vm1"]
    clear(net)
    before = flows(net, vm1)
    load = collections.Counter(before.values())
    print(f"512 flows over 3 uplinks: {dict(load)}")
    assert min(load.values()) > 512 / 3 * 0.75
    assert flows(net, vm1) == before
    cut(net, "up1")
    without = flows(net, vm1)
    assert {flow: uplink for flow, uplink in without.items() if before[flow] != "up1"} == {
        flow: uplink for flow, uplink in before.items() if uplink != "up1"}
    assert set(without.values()) == {"up0", "up2"}
    mend(net, "up1")
    again = flows(net, vm1)
    moved = sum(again[flow] != without[flow] for flow in again)
    assert moved == sum(uplink == "up1" for uplink in again.values())  # nobody moves but to the one that came
    print(f"after its return: {dict(collections.Counter(again.values()))}, {moved} flows moved")


def test_channel_member_is_lost(net):
    """Nothing to tell anybody: the switches beyond see one link. With channel_replay they are told, and still no guest is asked."""
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"), config=team("ip-hash"))
    for name, guest in net.guests.items():
        guest.send(frames.igmp3_join(guest.mac, guest.ip, GROUP))
        net.switch.wait_member(name, GROUP)
    macs = {guest.mac for guest in net.guests.values()}

    def told():
        net.switch.wait_turn()
        seen = [frames.look(frame) for up in net.ups.values() for frame in up.drain()]
        return collections.Counter("rarp" if one.ethertype == 0x8035 else one.kind for one in seen if one.src in macs)
    clear(net)
    cut(net, "up0")
    net.switch.wait_turn()
    assert carriers(net) == {"vm1": "up1", "vm2": "up1"} and not told()
    frame = frames.udp(OUTSIDE, SOURCE, GROUP, b"still")
    assert taken_by(net, b"still", lambda: net.ups["up1"].send(frame)) == {"vm1": 1, "vm2": 1}
    net.switch.ctl("team set team0 channel_replay true")
    clear(net)
    for change, into in ((net.wire.up, "up"), (net.wire.down, "down")):
        change("up0")
        wait_state(net, "up0", into)
        assert told() == {"rarp": 2, "igmp report3": 2}
    assert not [event for event in net.switch.ctl("show events") if event["type"] == "burst"]
    assert net.switch.ctl("show teams")[0]["last_failover"]["reports"] == 2


# ---- settings while it runs ----

def test_policy_changes_live(net):
    net = net(FOUR, uplinks=("up0", "up1"), config=team("port-id"))
    clear(net)
    before = carriers(net)
    net.switch.ctl("team set team0 policy explicit")
    wait_carriers(net, **dict.fromkeys(FOUR, "up0"))
    moved = {net.guests[name].mac for name in FOUR if before[name] == "up1"}
    net.switch.wait_turn()
    assert {frames.look(frame).src for frame in net.ups["up0"].drain() if frames.is_rarp()(frame)} == moved
    for guest in net.guests.values():
        assert spoken_by(net, guest) == ["up0"]
    net.switch.ctl("team set team0 active up1,up0")
    wait_carriers(net, **dict.fromkeys(FOUR, "up1"))
    net.switch.ctl("team set team0 active up0")  # up1 becomes a standby
    wait_carriers(net, **dict.fromkeys(FOUR, "up0"))
    row = net.switch.ctl("show teams")[0]
    assert (row["active"], row["standby"], row["policy"]) == (["up0"], ["up1"], "explicit")
    cut(net, "up0")
    wait_carriers(net, **dict.fromkeys(FOUR, "up1"))
    net.switch.ctl("team set team0 failback false")
    mend(net, "up0")
    assert carriers(net) == dict.fromkeys(FOUR, "up1")
    net.switch.ctl("team set team0 active up0,up1")  # a new order counts from now on, failback or not
    wait_carriers(net, **dict.fromkeys(FOUR, "up0"))
    net.switch.ctl("team set team0 failback true")
    # leaving a channel: what it has learnt as one, its members have not, so everyone is announced
    net.switch.ctl("team set team0 policy ip-hash")
    net.switch.ctl("team set team0 standby none")
    wait_carriers(net, vm1="up0,up1")
    clear(net)
    net.switch.ctl("team set team0 policy port-id")
    wait_carriers(net, **before)
    net.switch.wait_turn()
    rarps = [name for name, up in net.ups.items() for frame in up.drain() if frames.is_rarp()(frame)]
    assert sorted(rarps) == sorted(before.values())


@pytest.mark.parametrize("words, why", [
    ("team0 policy lacp", "choose from port-id, mac-hash, ip-hash, explicit"),
    ("team0 active none", "no active uplink"),
    ("team0 standby up0,up1", "no active uplink"),
    ("team0 active up9", "'up9' is not one of its uplinks"),
    ("team0 active up0,up0", "listed twice"),
    ("team0 failback maybe", "not accepted"),
    ("team0 beacon_ms 60001", "from 0 to 60000"),
    ("team9 policy explicit", "there is no team named team9"),
])
def test_refused_settings_change_nothing(net, words, why):
    net = net({"vm1": {}}, uplinks=("up0", "up1"), config=team())
    before = net.switch.ctl("show teams"), carriers(net)
    with pytest.raises(Refused, match=why):
        net.switch.ctl(f"team set {words}")
    assert (net.switch.ctl("show teams"), carriers(net)) == before


# ---- several teams ----

def test_teams_by_vlan(net):
    """Two teams, each with its VLANs; a trunk guest in both is carried by one uplink of each."""
    teams = [{"name": "a", "vlans": [20], "active": ["up0", "up1"]}, {"name": "b", "vlans": [30], "active": ["up2", "up3"]}]
    net = net({"vm1": {"vlan": 20}, "vm2": {"vlan": 30}, "vm3": {"trunk": [20, 30]}, "vm4": {"vlan": 20}},
              uplinks=[f"up{i}" for i in range(4)], config={"teams": teams})
    clear(net)
    carries = {row["name"]: row["carries"] for row in net.switch.ctl("show uplinks")}
    assert carries == {"up0": ["vm1", "vm4"], "up1": ["vm3"], "up2": ["vm2"], "up3": ["vm3"]}  # even in each team
    assert [row["guests"] for row in net.switch.ctl("show teams")] == [3, 2]
    vm3 = net.guests["vm3"]
    for vlan, uplink in ((20, "up1"), (30, "up3")):
        vm3.send(frames.udp(vm3.mac, vm3.ip, FENCE_GROUP, b"%d" % vlan, vlan=vlan))
        assert out_by(net, frames.is_payload(b"%d" % vlan)) == [uplink]
        vm3.send(frames.igmp3_join(vm3.mac, vm3.ip, GROUP, vlan=vlan))
        assert out_by(net, frames.is_report(GROUP)) == [uplink]
    clear(net)
    net.ups["up1"].send(frames.udp(OUTSIDE, SOURCE, GROUP, b"wrong team", vlan=30))
    net.ups["up1"].send(frames.udp(OUTSIDE, SOURCE, FENCE_GROUP, b"fence", vlan=20))
    vm3.expect_none(frames.is_payload(b"wrong team"), frames.is_payload(b"fence"))
    assert net.switch.drops()["vlan"] == 1
    cut(net, "up3")  # team b moves vm3 in VLAN 30, team a nobody
    net.switch.wait_turn()
    seen = {name: [(frames.look(frame).vlan, frames.look(frame).kind or "rarp") for frame in up.drain()
                   if frames.look(frame).src == vm3.mac] for name, up in net.ups.items()}
    assert seen == {"up0": [], "up1": [], "up2": [(30, "rarp"), (30, "igmp report3")], "up3": []}
    teams = {row["name"]: row["last_failover"] for row in net.switch.ctl("show teams")}
    assert teams["a"] is None and teams["b"]["guests"] == 1


def test_own_queries_leave_once(net):
    """As querier of the network the switch asks by one uplink of the team; its own query that comes back is nobody's."""
    vlans = [{"id": 0, "querier": "on", "querier_address": "10.0.0.253",
              "timers": {"robustness": 2, "query_interval_ms": 1000, "query_response_ms": 200, "last_member_interval_ms": 100}}]
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"), config={"vlans": vlans, **team()})
    query = net.ups["up0"].expect(frames.is_query("0.0.0.0"), timeout=3)
    assert not [frame for frame in net.ups["up1"].drain() if frames.is_query()(frame)]
    clear(net)
    echo = frames.igmp_query(frames.look(query).src, "10.0.0.253", code=77)  # as no query of its own is
    net.ups["up1"].send(echo)
    net.settle()
    net.ups["up1"].send(frames.udp(OUTSIDE, SOURCE, FENCE_GROUP, b"fence"))
    net.guests["vm2"].expect_none(lambda frame: bytes(frame) == bytes(echo), frames.is_payload(b"fence"))
    assert net.switch.ctl("show queriers")[0]["state"] == "ours"
    cut(net, "up0")
    net.ups["up1"].expect(frames.is_query("0.0.0.0"), timeout=3)
    assert state(net, "up1")["in_use"]
