# SPDX-License-Identifier: BSD-3-Clause
"""
Who asks, who is a router, and settings that change while the switch runs.

    test, as routers --raw-- TAP up0, up1 -- mcswitch == vhost-user == vm1, vm2, vm3

When queries come and timers end is shown under a clock in test_sim_replay.py; here is what they look like on the wire, and where they go.
"""

import pytest

from lab import frames, groupmsg
from lab.process import wait_for
from lab.switch import Refused

ROUTER, ROUTER_IP = "02:00:00:00:00:fe", "10.0.0.3"
GROUP, GROUP6, FENCE_GROUP = "239.1.1.1", "ff15::1:1", "224.0.0.251"
OFF = {"vlans": [{"id": 0, "querier": "off", "unregistered": "drop"}]}
THREE = {"vm1": {}, "vm2": {}, "vm3": {}}


def fence(net, up=None):
    fence.number += 1
    payload = b"fence %d" % fence.number
    (up or net.up).send(frames.udp(ROUTER, ROUTER_IP, FENCE_GROUP, payload))
    return payload


fence.number = 0


def sync(net):
    """Whatever was sent by anybody is taken and decided, and what came of it has left."""
    n_sent = {name: up.n_sent for name, up in net.ups.items()}
    net.switch.wait("show ports", lambda ports: all(port["rx_packets"] >= n_sent.get(port["name"], 0) for port in ports))
    net.settle()


def heard(net, name):
    """Everything that a guest has got until now."""
    sync(net)
    return net.guests[name].collect(frames.is_payload(fence(net)))[:-1]


def queries(heard_frames):
    return list(filter(None, map(groupmsg.query_of, heard_frames)))


def at_uplink(net, name="up0"):
    """What has left by an uplink until now: a guest's frame is behind it."""
    sync(net)
    return net.ups[name].drain()


def querier(net, family="ipv4", vlan=0):
    return next(row for row in net.switch.ctl("show queriers") if (row["vlan"], row["family"]) == (vlan, family))


def routers(net, vlan=0):
    return querier(net, vlan=vlan)["router_ports"]


def ask_once(net, **settings):
    """Our first query of each family, as every guest has got it: the switch begins to ask when told to."""
    for key, value in settings.items():
        net.switch.ctl(f"set vlan 0 {key} {value}")
    sync(net)
    asked = {name: queries(heard(net, name)) for name in net.guests}
    assert all(len(asked[name]) == 2 for name in asked), asked
    first = asked["vm1"]
    assert all(asked[name] == first for name in asked)
    return {query.family: query for query in first}


# ---- our own queries ----

def test_auto_asks_guests_alone(net):
    """RFC 3376 4.1, RFC 3810 5.1 octet by octet; from 0.0.0.0, and from a link-local address, for hosts hear no other in IPv6."""
    net = net(THREE, config=OFF)
    asked = ask_once(net, querier="auto")
    for query in asked.values():
        assert (query.general, query.version, query.qrv, query.qqic) == (True, {4: 3, 6: 2}[query.family], 2, 125)
        assert (query.max_response_s, query.suppress, query.sources) == (10.0, False, [])
        assert (query.router_alert, query.ttl, query.checksum_ok) == (True, 1, True)
        assert query.size >= 60
    v4, v6 = asked[4], asked[6]
    assert (v4.source, v4.destination, v4.eth_destination) == ("0.0.0.0", "224.0.0.1", "01:00:5e:00:00:01")
    assert (v6.destination, v6.eth_destination) == ("ff02::1", "33:33:00:00:00:01")
    assert v6.source == frames.link_local(v6.eth_source)
    assert queries(at_uplink(net)) == []
    assert [querier(net, family)["state"] for family in ("ipv4", "ipv6")] == ["ours", "ours"]


def test_on_with_an_address_serves_uplinks_in_both_families(net):
    """One query for the network beyond a team of two uplinks."""
    team = {"name": "team0", "policy": "explicit", "active": ["up0"], "standby": ["up1"]}
    net = net(THREE, uplinks=("up0", "up1"), config={**OFF, "teams": [team]})
    asked = ask_once(net, querier_address="10.0.0.7", querier="on")
    assert asked[4].source == "10.0.0.7" and asked[6].source.startswith("fe80::")
    beyond = queries(at_uplink(net, "up0")) + queries(at_uplink(net, "up1"))
    assert {query.family: query for query in beyond} == asked and len(beyond) == 2
    assert querier(net)["address"] == "10.0.0.7"


def test_long_intervals_are_floating_point(net):
    """RFC 3376 4.1.1, 4.1.7: from 128 on, in steps of 8, 16, ..."""
    net = net({"vm1": {}}, config=OFF)
    net.switch.ctl("set vlan 0 query_interval_ms 205000")
    asked = ask_once(net, query_response_ms=30000, robustness=3, querier="auto")
    assert (asked[4].qqic, asked[4].max_response_s, asked[4].qrv) == (200, 30.4, 3)
    assert (asked[6].qqic, asked[6].max_response_s, asked[6].qrv) == (200, 30.0, 3)


# ---- election ----

def router_query(family=4, address=None, **kwargs):
    if family == 6:
        return frames.mld_query(ROUTER, src=address or "fe80::1", **kwargs)
    return frames.igmp_query(ROUTER, address or ROUTER_IP, **kwargs)


def test_the_lowest_address_is_elected_and_we_are_silent(net):
    net = net({"vm1": {}, "vm2": {}}, config=OFF)
    ask_once(net, querier_address="10.0.0.7", querier="on")
    at_uplink(net)
    for family, name in ((4, "ipv4"), (6, "ipv6")):
        higher = {4: "10.0.0.9", 6: "fe80::ffff:ffff:ffff:ffff"}[family]
        net.up.send(router_query(family, higher))
        sync(net)
        assert querier(net, name)["state"] == "ours"
        net.up.send(router_query(family))
        sync(net)
        row = querier(net, name)
        assert (row["state"], row["port"]) == ("heard", "up0")
        assert row["address"] == {4: ROUTER_IP, 6: "fe80::1"}[family]
    net.switch.ctl("set vlan 0 last_member_interval_ms 100")
    vm1 = net.guests["vm1"]  # silent: a leave is the elected one's to ask about
    vm1.send([frames.igmp3_join(vm1.mac, vm1.ip, GROUP), frames.igmp3_leave(vm1.mac, vm1.ip, GROUP)])
    net.switch.wait_member("vm1", GROUP, member=False)
    ours = [query for query in queries(heard(net, "vm1")) if query.eth_source != ROUTER]
    assert ours == []
    net.switch.ctl("set vlan 0 querier_address 10.0.0.1")  # now ours is the lowest
    assert querier(net)["state"] == "ours"
    assert [query.source for query in queries(heard(net, "vm1"))] == ["10.0.0.1"]


def test_values_of_the_elected_querier_are_adopted(net):
    net = net({"vm1": {}}, config=OFF)
    vm1 = net.guests["vm1"]
    net.up.send([router_query(qrv=3, qqic=60), router_query(6, qrv=7, qqic=0x88)])
    sync(net)
    v4, v6 = querier(net), querier(net, "ipv6")
    assert (v4["version"], v4["robustness"], v4["query_interval_ms"]) == (3, 3, 60000)
    assert (v6["version"], v6["robustness"], v6["query_interval_ms"]) == (2, 7, 192000)
    vm1.send([frames.igmp3_join(vm1.mac, vm1.ip, GROUP), frames.mld2_join(vm1.mac, GROUP6)])
    sync(net)
    expires = {row["group"]: row["expires_ms"] for row in net.switch.ctl("show groups port vm1")}
    assert 180_000 < expires[GROUP] <= 3 * 60_000 + 10_000
    assert 1_300_000 < expires[GROUP6] <= 7 * 192_000 + 10_000


def test_a_query_from_0_0_0_0_makes_neither_querier_nor_router_port(net):
    net = net({"vm1": {}}, config=OFF)
    net.up.send(router_query(address="0.0.0.0"))
    assert len(queries(heard(net, "vm1"))) == 1  # but guests hear it
    sync(net)
    assert (querier(net)["state"], routers(net)) == ("none", [])


def test_older_queriers_are_heard_too(net):
    net = net({"vm1": {}}, config=OFF)
    for version in (1, 2):
        net.up.send(router_query(version=version))
        sync(net)
        assert (querier(net)["version"], querier(net)["address"]) == (version, ROUTER_IP)


# ---- router ports ----

@pytest.mark.parametrize("says, takes_back", [
    (lambda: router_query(), None),
    (lambda: router_query(6), None),
    (lambda: groupmsg.pim_hello(ROUTER, ROUTER_IP), lambda: groupmsg.pim_hello(ROUTER, ROUTER_IP, hold_s=0)),
    (lambda: groupmsg.mrd(ROUTER, ROUTER_IP), lambda: groupmsg.mrd(ROUTER, ROUTER_IP, goodbye=True)),
    (lambda: groupmsg.mrd6(ROUTER), lambda: groupmsg.mrd6(ROUTER, goodbye=True)),
], ids=["igmp query", "mld query", "pim hello", "mrd", "mrd6"])
def test_routers_are_heard_on_an_uplink(net, says, takes_back):
    """And pass to the guests; a goodbye ends it at once."""
    net = net({"vm1": {}}, uplinks=("up0", "up1"), config=OFF)
    sent = bytes(says())
    net.up.send(sent)
    sync(net)
    assert routers(net) == ["up0"]
    assert any(frame[:len(sent)] == sent for frame in heard(net, "vm1"))
    if takes_back:
        net.up.send(takes_back())
        sync(net)
        wait_for(lambda: routers(net) == [], 5, "no router port")


def test_a_static_router_port(net):
    """By the file, and at run time: it gets all multicast of the VLAN, and reports."""
    net = net(THREE, config={"vlans": [{"id": 0, "querier": "off", "unregistered": "drop", "router_ports": ["vm2"]}]})
    assert routers(net) == ["vm2"]

    def reach(number):
        vm1, payload = net.guests["vm1"], b"to nobody %d" % number
        vm1.send([frames.udp(vm1.mac, vm1.ip, "239.7.7.7", payload), frames.igmp2_report(vm1.mac, vm1.ip, GROUP)])
        sync(net)
        got = {name: heard(net, name) for name in ("vm2", "vm3")}
        return [name for name in got if any(frames.is_payload(payload)(frame) for frame in got[name])], \
            [name for name in got if any(frames.is_report(GROUP)(frame) for frame in got[name])]
    assert reach(1) == (["vm2"], ["vm2"])
    net.switch.ctl("set vlan 0 router_ports vm3,up0")
    net.switch.wait_turn()
    assert routers(net) == ["up0", "vm3"]
    assert reach(2) == (["vm3"], ["vm3"])
    net.switch.ctl("set vlan 0 router_ports none")
    net.switch.wait_turn()
    assert (routers(net), reach(3)) == ([], ([], []))


def test_a_guest_that_may_route(net):
    net = net({"vm1": {"router": "allow"}, "vm2": {}, "vm3": {}}, config=OFF)
    vm1, vm2 = net.guests["vm1"], net.guests["vm2"]
    vm1.send(frames.igmp_query(vm1.mac, vm1.ip))
    sync(net)
    assert (querier(net)["port"], routers(net)) == ("vm1", ["vm1"])
    for name in ("vm2", "vm3"):
        assert [query.source for query in queries(heard(net, name))] == [vm1.ip]
    assert [query.source for query in queries(at_uplink(net))] == [vm1.ip]
    vm2.send(frames.igmp3_join(vm2.mac, vm2.ip, GROUP))
    sync(net)
    assert any(map(frames.is_report(GROUP), heard(net, "vm1")))
    assert not any(map(frames.is_report(GROUP), heard(net, "vm3")))
    vm1.send([groupmsg.pim_hello(vm1.mac, vm1.ip), groupmsg.mrd(vm1.mac, vm1.ip)])
    sync(net)
    assert net.switch.ctl("show counters port vm1")[0]["mrd_rx"] == 1
    assert net.switch.drops("vm1") == {}


def test_a_guest_that_may_not_is_counted(net):
    net = net({"vm1": {}, "vm2": {}}, config=OFF)
    vm1 = net.guests["vm1"]
    vm1.send([frames.igmp_query(vm1.mac, vm1.ip), frames.mld_query(vm1.mac), frames.igmp_query(vm1.mac, vm1.ip, version=2),
              groupmsg.mrd(vm1.mac, vm1.ip), groupmsg.mrd6(vm1.mac), groupmsg.pim_hello(vm1.mac, vm1.ip)])
    sync(net)
    assert net.switch.drops("vm1") == {"guest_query": 3, "guest_router": 2}
    assert net.switch.drops()["guest_pim"] == 1
    row = net.switch.ctl("show counters port vm1")[0]
    assert row["igmp"]["queries_rx"] == {"v1": 0, "v2": 1, "v3": 1}
    assert (row["mld"]["queries_rx"], row["mrd_rx"]) == ({"v1": 0, "v2": 1}, 2)
    assert (querier(net)["state"], routers(net)) == ("none", [])
    unwanted = [frame for frame in heard(net, "vm2") + at_uplink(net) if frames.look(frame).src == vm1.mac]
    assert unwanted == []


# ---- counters ----

def test_messages_are_counted_by_port_type_version_and_direction(net):
    net = net({"vm1": {}, "vm2": {}}, config={**OFF, "igmp": {"queries": 1}})
    vm1 = net.guests["vm1"]
    net.up.send([router_query(version=1), router_query(version=2), router_query(), router_query(6, version=1), router_query(6)])
    vm1.send([frames.igmp1_report(vm1.mac, vm1.ip, GROUP), frames.igmp2_report(vm1.mac, vm1.ip, GROUP),
              frames.igmp2_leave(vm1.mac, vm1.ip, GROUP), frames.igmp3_join(vm1.mac, vm1.ip, GROUP, ["10.9.0.1"]),
              frames.mld1_report(vm1.mac, GROUP6), frames.mld1_done(vm1.mac, GROUP6), frames.mld2_join(vm1.mac, GROUP6),
              frames.mld2_report(vm1.mac, [], alert=False),
              frames.igmp2_report(vm1.mac, vm1.ip, GROUP, ttl=9)])
    sync(net)
    net.switch.ctl("query vm2")
    heard(net, "vm2")
    rows = {row["port"]: row for row in net.switch.ctl("show counters")}
    assert rows["up0"]["igmp"] == {"queries_rx": {"v1": 1, "v2": 1, "v3": 1}, "queries_tx": {"v1": 0, "v2": 0, "v3": 0},
                                   "reports_rx": {"v1": 0, "v2": 0, "v3": 0}, "reports_tx": {"v1": 1, "v2": 2, "v3": 1},
                                   "leaves_rx": 0, "leaves_tx": 1}
    assert rows["vm1"]["igmp"] == {"queries_rx": {"v1": 0, "v2": 0, "v3": 0}, "queries_tx": {"v1": 1, "v2": 1, "v3": 1},
                                   "reports_rx": {"v1": 1, "v2": 2, "v3": 1}, "reports_tx": {"v1": 0, "v2": 0, "v3": 0},
                                   "leaves_rx": 1, "leaves_tx": 0}
    assert rows["vm1"]["mld"] == {"queries_rx": {"v1": 0, "v2": 0}, "queries_tx": {"v1": 1, "v2": 1},
                                  "reports_rx": {"v1": 1, "v2": 2}, "reports_tx": {"v1": 0, "v2": 0},
                                  "leaves_rx": 1, "leaves_tx": 0}
    assert rows["up0"]["mld"]["reports_tx"] == {"v1": 1, "v2": 2}
    assert rows["vm2"]["igmp"]["queries_tx"] == {"v1": 1, "v2": 1, "v3": 2}  # one is the burst's
    assert rows["vm1"]["odd"] == {"ttl": 1, "router_alert": 1, "destination": 0, "source": 0}
    assert net.switch.ctl("show counters port vm2") == [rows["vm2"]]
    assert "Rx-Report-1" in net.switch.text("show counters")


# ---- settings at run time ----

SETTINGS = [  # key, value, what show queriers says then
    ("robustness", "3", {"robustness": 3}),
    ("query_interval_ms", "60000", {"query_interval_ms": 60000}),
    ("query_response_ms", "5000", {"query_response_ms": 5000}),
    ("last_member_interval_ms", "250", {"last_member_interval_ms": 250}),
    ("querier", "auto", {"state": "ours"}),
    ("querier", "off", {"state": "none"}),
    ("querier_address", "10.0.0.9", {"state": "none"}),
    ("querier", "on", {"state": "ours", "address": "10.0.0.9"}),
]


def test_settings_act_at_once_and_are_shown(net):
    net = net({"vm1": {}, "vm9": {"vlan": 9}}, config=OFF)
    for key, value, shown in SETTINGS:
        net.switch.ctl(f"set vlan 0 {key} {value}")
        row = querier(net)
        assert {name: row[name] for name in shown} == shown, key
    untouched = querier(net, vlan=9)
    assert (untouched["robustness"], untouched["query_interval_ms"], untouched["state"]) == (2, 125000, "ours")
    printed = net.switch.text("show config")
    for text in ("robustness: 3", "query_interval_ms: 60000", "querier: on", '"10.0.0.9"', "last_member_interval_ms: 250"):
        assert text in printed


REFUSED = [
    ("vlan 0 robustness 9", "not a number from 1 to 7"), ("vlan 0 query_response_ms 125000", "must be less than"),
    ("vlan 0 querier_address 239.1.1.1", "IPv4 address of a host"), ("vlan 0 querier maybe", "off, auto, on"),
    ("vlan 0 colour red", "'colour'"), ("vlan 4095 querier on", "0 to 4094"), ("vlan 0 router_ports vm8", "called 'vm8'"),
]


def test_refused_settings_change_nothing(net):
    net = net({"vm1": {}}, config=OFF)
    before = net.switch.text("show config")
    for words, why in REFUSED:
        with pytest.raises(Refused, match=why):
            net.switch.ctl(f"set {words}")
    assert net.switch.text("show config") == before


def goes_to(net, group, names, source=ROUTER_IP):
    payload = b"%s to %s, %d" % (source.encode(), group.encode(), fence.number)
    net.up.send(frames.udp(ROUTER, source, group, payload))
    assert [name for name in net.guests if any(map(frames.is_payload(payload), heard(net, name)))] == names


def test_policy_and_validation_at_run_time(net):
    net = net({"vm1": {}, "vm2": {}}, config=OFF)
    vm1 = net.guests["vm1"]
    goes_to(net, GROUP, [])
    net.switch.ctl("set vlan 0 unregistered flood")
    net.switch.wait_turn()
    goes_to(net, GROUP, ["vm1", "vm2"])
    net.switch.ctl("set vlan 0 unregistered drop")
    net.switch.wait_turn()
    goes_to(net, GROUP, [])
    odd = frames.igmp2_report(vm1.mac, vm1.ip, GROUP, ttl=2)
    net.switch.ctl("set vlan 0 validation strict")
    vm1.send(odd)
    sync(net)
    assert (net.switch.groups(group=GROUP), net.switch.drops("vm1")) == ([], {"strict": 1})
    net.switch.ctl("set vlan 0 validation lenient")
    vm1.send(odd)
    sync(net)
    goes_to(net, GROUP, ["vm1"])


def test_static_groups_at_run_time(net):
    net = net({"vm1": {}, "vm2": {}}, config=OFF)
    ctl = net.switch.ctl
    ctl(f"group add vlan 0 group {GROUP} port vm1")
    ctl("group add vlan 0 group 232.1.1.1 source 10.0.0.3 port vm2")
    goes_to(net, GROUP, ["vm1"])
    goes_to(net, "232.1.1.1", ["vm2"])
    goes_to(net, "232.1.1.1", [], source="10.0.0.4")
    row = net.switch.groups(group=GROUP)[0]
    assert (row["port"], row["origin"], row["expires_ms"]) == ("vm1", "static", None)
    assert f'{{group: "{GROUP}", ports: [vm1]}}' in net.switch.text("show config")
    for words, why in ((f"group add vlan 0 group {GROUP} port vm1", "twice"), (f"group add vlan 7 group {GROUP} port vm1", "not in"),
                       ("group add vlan 0 group 10.0.0.1 port vm1", "multicast"), ("group del vlan 0 group 239.9.9.9 port vm1", "no")):
        with pytest.raises(Refused, match=why):
            ctl(words)
    net.guests.pop("vm1").kill()
    net.connect("vm1", "10.0.0.1", mac="52:54:00:00:00:01")
    net.switch.wait("show ports", net._all_up)
    goes_to(net, GROUP, ["vm1"])
    ctl(f"group del vlan 0 group {GROUP} port vm1")
    goes_to(net, GROUP, [])
    assert net.switch.groups(group=GROUP) == []


def test_what_is_set_for_a_vlan_waits_for_its_first_guest(net):
    net = net({"vm1": {}}, config=OFF)
    for words in ("querier off", "unregistered drop", "robustness 5", "router_ports up0"):
        net.switch.ctl(f"set vlan 30 {words}")
    net.switch.ctl(f"group add vlan 30 group {GROUP} port up0")
    assert all(row["vlan"] == 0 for row in net.switch.ctl("show queriers"))
    net.switch.ctl(f"guest add vm3={net.switch.work}/vm3.sock,vlan=30")
    wait_for(lambda: any(row["vlan"] == 30 for row in net.switch.ctl("show queriers")), 5, "VLAN 30 is in use")
    assert (querier(net, vlan=30)["robustness"], routers(net, vlan=30)) == (5, ["up0"])
    assert [row["port"] for row in net.switch.groups(vlan=30, group=GROUP)] == ["up0"]
