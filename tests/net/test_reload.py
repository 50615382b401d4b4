# SPDX-License-Identifier: BSD-3-Clause
"""
Reload: the difference between the file and what runs, as one change or not at all.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2 ...
"""

import random

import pytest

from lab import frames
from lab.rpc import Refusal, Rpc
from lab.switch import Refused, yaml
from net.test_life import OUTSIDE, SOURCE, GROUP, Traffic, join, numbers, send_fence, wait_frames


def write(net, config):
    (net.switch.work / "mcswitch.yaml").write_text(yaml(config))


def guest_rows(net, *names, **changes):
    """The configuration's guests, with changes: vm1={"vlan": 20} or vm1=None (gone)."""
    rows = [dict(row) for row in net.switch.config["guests"]]
    for row in rows:
        row.update(changes.get(row["name"]) or {})
    return [row for row in rows if row["name"] not in changes or changes[row["name"]] is not None]


def reload(net, **config):
    write(net, {**net.switch.config, **config})
    net.switch.ctl("reload")
    net.switch.wait_turn()


def names(net):
    return [port["name"] for port in net.switch.ctl("show ports")]


def test_nothing_changes_when_nothing_differs(net):
    net = net({"vm1": {}, "vm2": {"vlan": 20}})
    before = net.switch.ctl("show config")
    reload(net)
    assert net.switch.ctl("show config") == before


def test_show_config_loads_again_to_the_same(net):
    net = net({"vm1": {}, "vm2": {"trunk": [20, 30], "limits": {"groups": 7}}},
              config={"vlans": [{"id": 20, "unregistered": "flood", "static": [{"group": GROUP, "ports": ["vm2"]}]}]})
    text = net.switch.ctl("show config")["yaml"]
    (net.switch.work / "mcswitch.yaml").write_text(text)
    net.switch.ctl("reload")
    assert net.switch.ctl("show config")["yaml"] == text


def test_guests_come_go_and_change(net):
    net = net({"vm1": {}, "vm2": {}})
    join(net, "vm1")
    socket = str(net.switch.work / "new.sock")
    reload(net, guests=[*guest_rows(net, vm2=None), {"name": "new", "socket": socket, "mac": "52:54:00:00:00:77"}])
    assert names(net) == ["up0", "vm1", "new"]
    net.guests.pop("vm2").wait_down()
    net.switch.guests["new"] = {"socket": socket, "mac": "52:54:00:00:00:77"}
    new = net.connect("new", "10.0.0.77")
    net.switch.wait("show ports", net._all_up)
    assert net.switch.groups(port="vm1", group=GROUP)
    new.send(frames.udp(new.mac, new.ip, GROUP, b"from the new one"))
    net.guests["vm1"].expect(frames.is_payload(b"from the new one"))
    # the VLAN of a guest that stays connected
    reload(net, guests=[*guest_rows(net, vm1={"vlan": 20}, vm2=None)])
    vm1 = net.guests["vm1"]
    vm1.send(frames.udp(vm1.mac, vm1.ip, "224.0.0.251", b"now tagged"))
    assert frames.look(net.up.expect(frames.is_payload(b"now tagged"))).vlans == (20,)


def test_vlan_settings_statics_and_igmp(net):
    net = net({"vm1": {}, "vm2": {}})
    reload(net, igmp={"queries": 5}, vlans=[{"id": 0, "unregistered": "flood", "static": [{"group": GROUP, "ports": ["vm2"]}]}])
    net.switch.wait_member("vm2", GROUP)
    net.up.send(frames.udp(OUTSIDE, SOURCE, "239.7.7.7", b"flooded"))
    for guest in net.guests.values():
        guest.expect(frames.is_payload(b"flooded"))
    assert "queries: 5" in net.switch.ctl("show config")["yaml"]
    reload(net, vlans=[])
    net.switch.wait_member("vm2", GROUP, member=False)


def test_teams(net):
    net = net({"vm1": {}, "vm2": {}}, uplinks=("up0", "up1"))
    reload(net, teams=[{"name": "default", "policy": "explicit", "active": ["up1"], "standby": ["up0"]}])
    assert {port["carrier"] for port in net.switch.ctl("show ports") if port["role"] == "guest"} == {"up1"}
    reload(net)
    assert {port["carrier"] for port in net.switch.ctl("show ports") if port["role"] == "guest"} == {"up0", "up1"}


@pytest.mark.parametrize("change, words", [
    ({"guests": "vm1 mode"}, "vm1"),
    ({"control_socket": "/tmp/other.sock"}, "control_socket"),
    ({"state_file": "elsewhere.json"}, "state_file"),
    ({"vhost_rings": "library"}, "vhost_rings"),
    ({"vlans": [{"id": 5000}]}, "5000"),
    ({"teams": [{"name": "t", "active": ["up9"]}]}, "up9"),
    ({"guests": "bad path"}, "no/new.sock"),
    ({"uplinks": [{"name": "up0", "device": "net_tap0", "debounce_ms": 50}]}, "up0"),
    ({"uplinks": [{"name": "up0", "device": "net_tap0"}, {"name": "up1", "device": "net_tap7"}]}, "net_tap7"),
])
def test_refused_whole(net, change, words):
    """A part that cannot be applied leaves everything as it was, the other parts too."""
    net = net({"vm1": {}, "vm2": {}})
    before = net.switch.ctl("show config")
    change = dict(change)
    if change.get("guests") == "vm1 mode":
        change["guests"] = guest_rows(net, vm1={"mode": "client"}, vm2=None)
    elif change.get("guests") == "bad path":
        change["guests"] = [*guest_rows(net, vm2=None), {"name": "ok", "socket": str(net.switch.work / "ok.sock")},
                            {"name": "new", "socket": str(net.switch.work / "no/new.sock")}]
    with pytest.raises(Refused, match=words):
        reload(net, igmp={"queries": 9}, **change)
    assert net.switch.ctl("show config") == before
    assert names(net) == ["up0", "vm1", "vm2"]
    assert not (net.switch.work / "ok.sock").exists()
    join(net, "vm1")
    net.up.send(frames.udp(OUTSIDE, SOURCE, GROUP, b"still there"))
    net.guests["vm1"].expect(frames.is_payload(b"still there"))


def test_a_hundred_reloads_under_traffic_lose_nothing(net):
    """Random differences in everything but vm1 and vm2, which a stream goes to all the while."""
    net = net({"vm1": {}, "vm2": {}})
    join(net, "vm1", "vm2")
    rng = random.Random(7)
    sockets = [str(net.switch.work / f"extra{i}.sock") for i in range(4)]
    with Traffic(net) as traffic:
        for _ in range(100):
            extra = [{"name": f"extra{i}", "socket": sockets[i], "vlan": rng.choice([0, 20, 30])}
                     for i in range(4) if rng.random() < 0.5]
            vlans = [{"id": vlan, "unregistered": rng.choice(["flood", "drop", "router-ports"]),
                      "fast_leave": rng.random() < 0.5} for vlan in (0, 20, 30) if rng.random() < 0.7]
            reload(net, guests=[*guest_rows(net), *extra], vlans=vlans, igmp={"queries": rng.randrange(10)})
        wait_frames(traffic, 50)
    net.settle()
    send_fence(net)
    for name in ("vm1", "vm2"):
        assert numbers(net.guests[name]) == list(range(traffic.n)), name


def random_part(rng, net):
    """One random difference: (keys of the configuration, is it refused)."""
    def extra(i, **more):
        return {"name": f"extra{i}", "socket": str(net.switch.work / f"extra{i}.sock"), "vlan": rng.choice([0, 20, 30]), **more}
    static = {"group": "239.9.9.9", "ports": ["vm1", "up0"]}
    return rng.choice([
        lambda: ({"guests": [*guest_rows(net), *(extra(i, limits={"groups": rng.randrange(1, 99)}) for i in range(3) if rng.random() < 0.5)]},
                 False),
        lambda: ({"vlans": [{"id": vlan, "unregistered": rng.choice(["flood", "drop", "router-ports"]), "fast_leave": rng.random() < 0.5,
                             "querier": rng.choice(["off", "auto"]), "static": [static] if vlan == 0 and rng.random() < 0.5 else []}
                            for vlan in (0, 20, 30) if rng.random() < 0.7]}, False),
        lambda: ({"igmp": {"queries": rng.randrange(10), "query_gap_ms": rng.randrange(1, 60000), "version": rng.choice([2, 3, "auto"])}}, False),
        lambda: ({"teams": [{"name": rng.choice(["team0", "team1"]), "policy": rng.choice(["port-id", "mac-hash", "ip-hash"]),
                             "failback": rng.random() < 0.5, "active": ["up0"]}]}, False),
        lambda: ({"idle_sleep_us": rng.randrange(100)}, False),
        lambda: ({"guests": [*guest_rows(net), extra(0), extra(0)]}, True),
        lambda: ({"vlans": [{"id": 5000}]}, True),
        lambda: ({"igmp": {"queries": -1}, "guests": guest_rows(net, vm2=None)}, True),
        lambda: ({"control_socket": "/run/elsewhere.sock", "guests": guest_rows(net, vm1=None)}, True),
    ])()


def test_a_thousand_reloads_under_traffic_lose_nothing(net):
    """
    One random difference after another in everything but vm1 and vm2, many of them refused; a stream goes to both all the while. The
    protocol's own socket, since a thousand starts of mcctl are what would take long.
    """
    net = net({"vm1": {}, "vm2": {}})
    join(net, "vm1", "vm2")
    rng, config, n_refused = random.Random(8), dict(net.switch.config), 0
    with Rpc(net.switch.socket) as rpc, Traffic(net) as traffic:
        for _ in range(1000):
            part, wrong = random_part(rng, net)
            write(net, {**config, **part})
            try:
                rpc.call("reload")
                assert not wrong, part
                config.update(part)
            except Refusal:
                assert wrong, part
                n_refused += 1
        wait_frames(traffic, 50)
    assert 200 < n_refused < 700
    net.settle()
    send_fence(net)
    for name in ("vm1", "vm2"):
        assert numbers(net.guests[name]) == list(range(traffic.n)), name
    # what runs is what the last accepted file says
    before = net.switch.ctl("show config")
    reload(net, **config)
    assert net.switch.ctl("show config") == before


def test_without_a_file_there_is_nothing_to_reload(net):
    net = net({"vm1": {}})
    (net.switch.work / "mcswitch.yaml").unlink()
    with pytest.raises(Refused, match="mcswitch.yaml"):
        net.switch.ctl("reload")
