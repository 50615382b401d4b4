# SPDX-License-Identifier: BSD-3-Clause
"""
A guest moves in: how it is noticed, what follows at once, and what does not count as a migration.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2
                               |
                             mcctl: guest migrated, export, import
"""

import json
import struct
import subprocess

import pytest

from lab import frames
from lab.process import wait_for
from lab.switch import CLIENT, Refused

GROUP, OTHER = "239.1.1.1", "232.2.2.2"
OUTSIDE, SOURCE = "02:00:00:00:00:99", "10.0.0.99"
BAD_REQUEST = 99  # no vhost-user message: the switch ends the connection, the rings stay
QUICK = {"igmp": {"query_gap_ms": 20}}


def join(net, name="vm1", group=GROUP, sources=()):
    guest = net.guests[name]
    guest.send(frames.igmp3_join(guest.mac, guest.ip, group, sources))
    net.switch.wait("show groups", lambda rows: any(row["port"] == name and row["group"] == group for row in rows))


def reconnect(guest):
    """The same machine on a new connection: its rings are older than that."""
    guest.message(BAD_REQUEST)
    guest.wait_down(timeout=30)
    guest.wait_up(timeout=30)


def migrations(net, port="vm1"):
    """The summaries of arrivals that are over."""
    return [event["migration"] for event in net.switch.ctl("show events") if event.get("migration") and event["port"] == port]


def summary(net, n=1, timeout=15):
    """The n-th arrival, once it is over: the guest answers and receives, if it has not yet, so that nothing is awaited any more."""
    join(net)
    fence(net, b"last")
    wait_for(lambda: len(migrations(net)) >= n, timeout, f"{n} arrivals told")
    return migrations(net)[n - 1]


def noticed(net):
    return [event["text"] for event in net.switch.ctl("show events") if event["type"] == "migration"]


def fence(net, payload=b"fence"):
    net.up.send(frames.udp(OUTSIDE, SOURCE, "224.0.0.251", payload))
    return frames.is_payload(payload)


def is_ours(frame):
    """A synthetic query: from no station to this guest alone."""
    return frame[6:12] == bytes(6)


def is_ours_of(family):
    kind = {4: "igmp query", 6: "mld query"}[family]
    return frames.named(f"synthetic {kind}", lambda seen: seen.kind == kind and seen.src == "00:00:00:00:00:00")


def queries(guest, n, family=4):
    """n rounds of synthetic queries; those of one family. MLD's is the last of each round."""
    seen = [frame for _ in range(n) for frame in guest.collect(is_ours_of(6))]
    return [frame for frame in seen if is_ours_of(family)(frame)]


def data(net, payload, group=GROUP, **kwargs):
    net.up.send(frames.udp(OUTSIDE, SOURCE, group, payload, **kwargs))
    return frames.is_payload(payload)


# ---- each way to notice ----

def test_old_rings(net):
    """The first vring base is not 0: a migrated guest, or this switch was away."""
    net = net({"vm1": {}}, config=QUICK)
    vm1 = net.guests["vm1"]
    join(net)
    net.up.drain()
    reconnect(vm1)
    assert len(queries(vm1, 2)) == 2
    told = summary(net)
    assert told["detected_by"] == ["vring"]
    assert told["rows"]["restored"] == 1
    assert None not in (told["first_replay_ms"], told["first_query_ms"])


def test_send_rarp(net):
    """VHOST_USER_SEND_RARP: QEMU's word for a guest that cannot announce itself. It is repeated; the burst is not."""
    net = net({"vm1": {}}, config=QUICK)
    vm1 = net.guests["vm1"]
    for _ in range(5):
        vm1.send_rarp()
    queries(vm1, 2)
    net.up.expect(frames.is_rarp(vm1.mac))
    vm1.expect_none(is_ours, fence(net))
    assert summary(net)["detected_by"] == ["rarp"]
    assert len([text for text in noticed(net) if "has moved in" in text]) == 1


def test_operator(net):
    net = net({"vm1": {}}, config=QUICK)
    net.switch.ctl("guest migrated vm1")
    queries(net.guests["vm1"], 2)
    net.up.expect(frames.is_rarp(net.guests["vm1"].mac))
    assert summary(net)["detected_by"] == ["operator"]
    for name in ("vm9", "up0"):
        with pytest.raises(Refused, match=name):
            net.switch.ctl(f"guest migrated {name}")
    net.guests.pop("vm1").kill()
    net.switch.wait("show ports", lambda ports: any(port["name"] == "vm1" and port["state"] == "down" for port in ports))
    with pytest.raises(Refused, match="not connected"):
        net.switch.ctl("guest migrated vm1")


def test_dirty_logging_ends_nothing(net):
    """LOG_ALL: the guest begins to move out; the migration is cancelled. Its memberships stand all the while."""
    net = net({"vm1": {}})
    vm1 = net.guests["vm1"]
    join(net)
    before = net.switch.groups(port="vm1")[0]
    for on, word in ((True, "begins to move out"), (False, "stays")):
        vm1.set_log_all(on)
        wait_for(lambda: any(word in text for text in noticed(net)), 5, word)
        assert [row["group"] for row in net.switch.groups(port="vm1")] == [GROUP]
        vm1.expect(data(net, b"still here %d" % on))
    after = net.switch.groups(port="vm1")[0]
    assert after["origin"] == before["origin"] == "snooped"
    assert not migrations(net)
    vm1.expect_none(is_ours, fence(net))


def test_moved_out_leaves_nothing(net):
    """The guest moves out and its machine ends; whoever comes next, even one with old rings, gets nothing of it."""
    net = net({"vm1": {}}, config=QUICK)
    vm1 = net.guests["vm1"]
    join(net)
    vm1.set_log_all()
    wait_for(lambda: any("begins" in text for text in noticed(net)), 5, "logging")
    reconnect(vm1)
    assert any("has moved out" in text for text in noticed(net))
    queries(vm1, 2)
    assert net.switch.groups(port="vm1") == []


def test_reboot_is_no_migration(net):
    """A machine that starts, or starts anew, has fresh rings: no burst, and nothing of before is admitted."""
    net = net({"vm1": {}})
    join(net)
    net.guests.pop("vm1").kill()
    net.switch.wait_member("vm1", GROUP, member=False)
    vm1 = net.connect("vm1", "10.0.0.1", mac="52:54:00:00:00:01")
    net.switch.wait("show ports", net._all_up)
    vm1.expect_none(lambda frame: is_ours(frame) or frames.look(frame).payload == b"stale",
                    fence(net), send_fence=lambda: data(net, b"stale"))
    assert noticed(net) == []
    assert net.switch.groups(port="vm1") == []


def test_one_arrival_seen_in_many_ways(net):
    net = net({"vm1": {}}, config={"igmp": {"query_gap_ms": 50}})
    vm1 = net.guests["vm1"]
    join(net)
    reconnect(vm1)
    vm1.send_rarp()
    net.switch.wait("show ports", net._all_up)
    net.switch.ctl("guest migrated vm1")
    vm1.send_rarp()
    queries(vm1, 2)
    told = summary(net)
    assert told["detected_by"] == ["vring", "rarp", "operator"]
    vm1.expect_none(is_ours, fence(net))
    assert len(migrations(net)) == 1


# ---- the query, byte for byte ----

def fields(frame):
    """Every field that the paper's figures 4 and 5 print, and those of protocol.md point 6."""
    size = struct.unpack_from("!H", frame, 16)[0]
    igmp = frame[34:14 + size]
    shown = {
        "size": len(frame), "destination": frame[0:6].hex(":"), "source": frame[6:12].hex(":"),
        "type": frame[12:14].hex(), "version and length": frame[14], "ttl": frame[22], "protocol": frame[23],
        "from": ".".join(map(str, frame[26:30])), "to": ".".join(map(str, frame[30:34])),
        "igmp type": igmp[0], "max resp": igmp[1], "checksum": igmp[2:4].hex(), "group": igmp[4:8].hex(),
        "padding": frame[14 + size:].strip(b"\0"),
    }
    assert frames.checksum(frame[14:34]) == 0 and frames.checksum(igmp) == 0
    if len(igmp) > 8:
        shown.update({"s and qrv": igmp[8], "qqic": igmp[9], "n sources": igmp[10:12].hex(), "igmp size": len(igmp)})
    return shown


FIGURE_4 = {
    "size": 60, "destination": "00:50:56:a2:7d:63", "source": "00:00:00:00:00:00", "type": "0800",
    "version and length": 0x45, "ttl": 1, "protocol": 2, "from": "10.0.0.0", "to": "224.0.0.1",
    "igmp type": 0x11, "max resp": 0x01, "checksum": "eefe", "group": "00000000", "padding": b"",
}
# The paper prints checksum 0x8efe here, which its own fields do not add up to.
FIGURE_5 = {**FIGURE_4, "s and qrv": 0, "qqic": 0, "n sources": "0000", "igmp size": 12}


@pytest.mark.parametrize("version, figure", [(2, FIGURE_4), (3, FIGURE_5)], ids=["figure 4", "figure 5"])
def test_query_as_in_the_paper(net, version, figure):
    net = net({"vm1": {"mac": figure["destination"]}}, config={"igmp": {"version": version, "query_gap_ms": 20}})
    vm1 = net.guests["vm1"]
    net.switch.ctl("guest migrated vm1")
    for query in queries(vm1, 2):
        assert fields(query) == figure
    vm1.expect_none(is_ours, fence(net))


def test_answers_as_in_the_paper(net):
    """Figures 6 and 7: what the guest answers goes out of the uplink as it is, as a router would see it."""
    net = net({"vm1": {"mac": "00:50:56:a2:7d:63"}}, config=QUICK)
    vm1 = net.guests["vm1"]
    net.switch.ctl("guest migrated vm1")
    queries(vm1, 1)
    for report, checksum, at in ((frames.igmp2_report(vm1.mac, "192.168.20.101", "224.5.5.5"), "04f5", 38),
                                 (frames.igmp3_join(vm1.mac, "192.168.20.101", "224.5.5.5"), "f4f3", 38)):
        vm1.send(report)
        seen = net.up.expect(frames.is_report("224.5.5.5"))
        assert bytes(seen) == bytes(report)
        assert seen[at + 2:at + 4].hex() == checksum
    assert summary(net)["first_answer_ms"] is not None


def test_real_queriers_values_are_used(net):
    """QRV and QQIC are those of the VLAN's querier where one is known."""
    net = net({"vm1": {}}, config=QUICK)
    vm1 = net.guests["vm1"]
    net.up.send(frames.igmp_query(OUTSIDE, "10.0.0.254", qrv=3, qqic=60))
    net.up.send(frames.mld_query(OUTSIDE, qrv=3, qqic=60))
    net.switch.wait("show queriers", lambda rows: sum(row["address"] not in (None, "") for row in rows) >= 2)
    net.switch.ctl("guest migrated vm1")
    query = queries(vm1, 1)[0]
    assert (query[42] & 7, query[43]) == (3, 60)


def test_settings_act_on_the_next_burst(net):
    net = net({"vm1": {}, "vm2": {}})
    vm1 = net.guests["vm1"]
    for key, value in (("version", 2), ("queries", 3), ("query_gap_ms", 10), ("router_address", "192.0.2.1")):
        net.switch.ctl(f"set igmp {key} {value}")
    net.switch.ctl("guest migrated vm1")
    for query in queries(vm1, 3):
        seen = fields(query)
        assert (seen["from"], "qqic" in seen) == ("192.0.2.1", False)
    vm1.expect_none(is_ours, fence(net))
    net.switch.ctl("set igmp queries 1")
    net.switch.ctl("set igmp version 3")
    net.switch.ctl("guest migrated vm1")
    assert "qqic" in fields(queries(vm1, 1)[0])
    vm1.expect_none(is_ours, fence(net, b"fence 2"))
    net.switch.ctl("set igmp queries 0")
    net.switch.ctl("guest migrated vm1")
    vm1.expect_none(is_ours, fence(net, b"fence 3"))
    net.guests["vm2"].expect_none(is_ours, frames.is_payload(b"fence 3"))


def test_version_auto_is_what_the_guest_speaks(net):
    net = net({"vm1": {}, "vm2": {}}, config={"igmp": {"version": "auto", "queries": 1}})
    vm1, vm2 = net.guests["vm1"], net.guests["vm2"]
    vm1.send(frames.igmp2_report(vm1.mac, vm1.ip, GROUP))
    vm2.send(frames.igmp3_join(vm2.mac, vm2.ip, GROUP))
    for name in ("vm1", "vm2"):
        net.switch.wait_member(name, GROUP)
        net.switch.ctl(f"guest migrated {name}")
    assert "qqic" not in fields(queries(vm1, 1)[0])
    assert "qqic" in fields(queries(vm2, 1)[0])


@pytest.mark.parametrize("version, size", [(2, 24), (3, 28)], ids=["MLDv1", "MLDv2"])
def test_mld_twin(net, version, size):
    """A link-local source, hop limit 1 and the router alert: hosts drop anything else."""
    net = net({"vm1": {}}, config={"igmp": {"version": version, "queries": 1}})
    vm1 = net.guests["vm1"]
    net.switch.ctl("guest migrated vm1")
    query = queries(vm1, 1, family=6)[0]
    assert query[0:6].hex(":") == vm1.mac and query[6:12] == bytes(6)
    assert query[14] >> 4 == 6 and query[20] == 0 and query[21] == 1  # next header: hop-by-hop; hop limit
    assert query[22:24] == b"\xfe\x80" and query[38:54] == bytes.fromhex("ff02" + "00" * 13 + "01")
    assert b"\x05\x02\x00\x00" in query[54:62]
    assert struct.unpack_from("!H", query, 18)[0] == 8 + size
    assert query[62] == 130 and struct.unpack_from("!H", query, 66)[0] == 100  # milliseconds
    assert query[70:86] == bytes(16)


def test_trunk_guest_in_every_vlan(net):
    net = net({"vm1": {"trunk": [20, 30]}, "vm2": {"vlan": 20}}, config={"igmp": {"queries": 1}})
    vm1 = net.guests["vm1"]
    for vlan in (20, 30):
        vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, GROUP, vlan=vlan))
    net.switch.wait("show groups", lambda rows: {row["vlan"] for row in rows} == {20, 30})
    net.up.drain()
    reconnect(vm1)
    assert [frames.look(query).vlan for query in queries(vm1, 2)] == [20, 30]
    for vlan in (20, 30):
        assert frames.look(net.up.expect(frames.is_rarp(vm1.mac))).vlan == vlan
        assert frames.look(net.up.expect(frames.is_report(GROUP, src_mac=vm1.mac))).vlan == vlan
    net.up.send(frames.udp(OUTSIDE, SOURCE, "224.0.0.251", b"fence", vlan=20))
    net.guests["vm2"].expect_none(is_ours, frames.is_payload(b"fence"))


# ---- what follows at once ----

def test_replay_out_of_the_uplink(net):
    """The reports that are known for the guest, in its name, from the address it reported from; and a reverse ARP."""
    net = net({"vm1": {}, "vm2": {}}, config=QUICK)
    vm1 = net.guests["vm1"]
    join(net)
    join(net, group=OTHER, sources=["10.9.9.9"])
    vm1.send(frames.mld2_join(vm1.mac, "ff05::1:3"))
    net.switch.wait_member("vm1", "ff05::1:3")
    net.up.drain()
    reconnect(vm1)
    net.up.expect(frames.is_rarp(vm1.mac))
    look = frames.look(net.up.expect(frames.is_report(GROUP, src_mac=vm1.mac)))
    assert look.ip_src == vm1.ip
    assert {(kind, group, *sources) for kind, group, sources in look.records} == {
        (frames.IS_EX, GROUP), (frames.IS_IN, OTHER, "10.9.9.9")}
    look = frames.look(net.up.expect(frames.is_report("ff05::1:3", src_mac=vm1.mac)))
    assert look.ip_src == frames.link_local(vm1.mac)
    rows = {row["group"]: row["origin"] for row in net.switch.groups(port="vm1")}
    assert rows == {GROUP: "restored", OTHER: "restored", "ff05::1:3": "restored"}
    join(net)
    net.switch.wait("show groups", lambda rows: any(row["group"] == GROUP and row["origin"] == "snooped" for row in rows))
    net.guests["vm2"].expect_none(lambda frame: is_ours(frame) or frames.look(frame).src == vm1.mac, fence(net))


def test_first_times_are_told(net):
    net = net({"vm1": {}}, config=QUICK)
    vm1 = net.guests["vm1"]
    join(net)
    reconnect(vm1)
    queries(vm1, 1)
    join(net)
    vm1.expect(data(net, b"first"))
    told = summary(net)
    print(told)
    times = [told[f"first_{what}_ms"] for what in ("replay", "query", "answer", "frame")]
    assert None not in times and all(time >= 0 for time in times)
    assert told["rows"] == {"restored": 1, "filter": 0, "snooped": 1, "static": 0}
    text = net.switch.text("show events")
    assert "vm1 has moved in: its rings were in use before" in text
    assert "vm1 moved in (vring): rows 1 restored, 0 filter, 1 reported; first replay" in text


# ---- hand-over ----

def mcctl(net, *words, stdin=""):
    return subprocess.run([CLIENT, "--socket", net.switch.socket, *words], input=stdin, capture_output=True, text=True,
                          timeout=20)


def test_export_import(net):
    """mcctl export vm1 | mcctl import vm1, between two switches: rows wait for the guest and are provisional."""
    first, second = net({"vm1": {}}), net({"vm1": {}, "vm2": {}}, config=QUICK, connect=False, label="second")
    join(first)
    join(first, group=OTHER, sources=["10.9.9.9", "10.9.9.8"])
    vm1 = first.guests["vm1"]
    vm1.send(frames.mld2_join(vm1.mac, "ff05::1:3"))
    first.switch.wait_member("vm1", "ff05::1:3")
    text = mcctl(first, "export", "vm1").stdout
    state = json.loads(text)
    assert (state["version"], state["guest"], state["igmp_version"], state["ip"]) == (1, "vm1", 3, vm1.ip)
    assert state["rows"][1] == {"vlan": 0, "group": GROUP, "mode": "exclude", "sources": []}
    done = mcctl(second, "import", "vm1", stdin=text)
    assert done.stdout == "vm1: 0 memberships admitted, 3 wait for the guest, 0 refused\n", done
    assert second.switch.groups() == []
    assert json.loads(mcctl(second, "export", "vm1").stdout) == state
    arrived = second.connect("vm1", "10.0.0.1")
    second.switch.wait_member("vm1", GROUP)
    assert {row["origin"] for row in second.switch.groups(port="vm1")} == {"restored"}
    assert all(row["expires_ms"] for row in second.switch.groups(port="vm1"))
    arrived.expect(data(second, b"at the new place"))
    second.switch.ctl("guest migrated vm1")
    assert frames.look(second.up.expect(frames.is_report(GROUP, src_mac=arrived.mac))).ip_src == vm1.ip
    join(second)
    assert second.switch.groups(port="vm1", group=GROUP)[0]["origin"] == "snooped"


def test_import_for_a_guest_that_is_there(net):
    net = net({"vm1": {"limits": {"groups": 3}}}, config=QUICK)
    vm1 = net.guests["vm1"]
    rows = [{"vlan": 0, "group": f"239.1.1.{i}", "mode": "exclude", "sources": []} for i in range(1, 5)]
    rows.append({"vlan": 7, "group": GROUP, "mode": "exclude"})
    state = {"version": 1, "guest": "elsewhere", "igmp_version": 3, "mld_version": 0, "rows": rows}
    done = mcctl(net, "--json", "import", "vm1", stdin=json.dumps(state))
    assert json.loads(done.stdout) == {"admitted": 3, "waiting": 0, "refused": 2}
    assert {row["group"] for row in net.switch.groups(port="vm1")} == {"239.1.1.1", "239.1.1.2", "239.1.1.3"}
    net.up.expect(frames.is_report("239.1.1.3", src_mac=vm1.mac))


def test_a_long_import_goes_in_parts(net):
    net = net({"vm1": {"limits": {"groups": 5000}}})
    rows = [{"vlan": 0, "group": f"239.{i >> 8}.{i & 255}.9", "mode": "exclude", "sources": []} for i in range(4000)]
    state = {"version": 1, "guest": "vm1", "igmp_version": 3, "mld_version": 0, "rows": rows}
    done = mcctl(net, "--json", "import", "vm1", stdin=json.dumps(state))
    assert json.loads(done.stdout) == {"admitted": 4000, "waiting": 0, "refused": 0}, done
    assert len(json.loads(mcctl(net, "export", "vm1").stdout)["rows"]) == 4000


BAD_STATES = [
    ("", "standard input"), ("[]", "rows"), ("{}", "rows"), ("{\"rows\": []", "line 1"),
    ({"version": 2}, "version 1"), ({"version": "1"}, "version 1"), ({"igmp_version": 9}, "igmp_version"),
    ({"mld_version": -1}, "mld_version"), ({"ip": "239.1.1.1"}, "ip"), ({"ip6": "10.0.0.1"}, "ip6"), ({"guest": ""}, "guest"),
    ({"rows": [{"vlan": 4095, "group": GROUP, "mode": "exclude"}]}, "rows[0]: vlan"),
    ({"rows": [{"vlan": 0, "group": "10.0.0.1", "mode": "exclude"}]}, "rows[0]: group"),
    ({"rows": [{"vlan": 0, "group": "224.0.0.5", "mode": "exclude"}]}, "rows[0]: group"),
    ({"rows": [{"vlan": 0, "group": GROUP, "mode": "both"}]}, "rows[0]: mode"),
    ({"rows": [{"vlan": 0, "group": GROUP, "mode": "include", "sources": ["fe80::1"]}]}, "rows[0]: sources"),
    ({"rows": [{"vlan": 0, "group": GROUP, "mode": "include", "sources": ["10.0.0.1"] * 513}]}, "rows[0]: sources"),
    ({"rows": [7]}, "rows[0]: vlan"),
]


def test_bad_imports_are_refused_whole(net):
    net = net({"vm1": {}})
    good = {"version": 1, "guest": "vm1", "igmp_version": 3, "mld_version": 2,
            "rows": [{"vlan": 0, "group": GROUP, "mode": "exclude", "sources": []}]}
    for change, word in BAD_STATES:
        text = change if isinstance(change, str) else json.dumps({**good, **change})
        done = mcctl(net, "import", "vm1", stdin=text)
        assert (done.returncode, done.stdout) == (1, ""), (change, done)
        assert word in done.stderr, (change, done)
    for name in ("vm9", "up0"):
        assert mcctl(net, "import", name, stdin=json.dumps(good)).returncode == 1
        assert mcctl(net, "export", name).returncode == 1
    assert net.switch.groups() == []


# ---- restart ----

def restarted(net):
    """The switch is back under its guests; its TAP is a new one."""
    for up in net.ups.values():
        up.close()
    net.switch.start()
    for name in net.ups:
        net.wire.wait_dev(name)
        net.wire.up(name)
        net.ups[name] = frames.Tap(net.wire, name)
    net.up = next(iter(net.ups.values()))
    net.switch.wait("show ports", net._all_up, timeout=15)


def saved_rows(net):
    path = net.switch.work / "state.json"
    try:
        return {(guest["guest"], row["group"]) for guest in json.loads(path.read_text())["guests"] for row in guest["rows"]}
    except (FileNotFoundError, ValueError):
        return set()


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_memberships_survive_the_switch(net, how):
    """Client-mode guests reconnect by themselves; what was saved is admitted before any of them says a word."""
    net = net({"vm1": {"mode": "client"}, "vm2": {"mode": "client"}}, config=QUICK)
    for name in ("vm1", "vm2"):
        join(net, name)
    join(net, "vm1", OTHER, ["10.9.9.9"])
    wanted = {("vm1", GROUP), ("vm2", GROUP), ("vm1", OTHER)}
    wait_for(lambda: saved_rows(net) == wanted, 5, lambda: f"saved: {saved_rows(net)}")
    getattr(net.switch, how)()
    for guest in net.guests.values():
        guest.wait_down()
    restarted(net)
    for name, guest in net.guests.items():
        net.switch.wait_member(name, GROUP)
    for guest in net.guests.values():
        assert len(queries(guest, 1)) == 1
    is_first = data(net, b"first after the restart")
    for guest in net.guests.values():
        guest.expect(is_first)
    assert {row["origin"] for row in net.switch.groups()} == {"restored"}
    assert {row["source"] for row in net.switch.groups(port="vm1", group=OTHER, mode="include")} == {"10.9.9.9"}
    assert summary(net)["detected_by"] == ["vring"]


def test_a_guest_that_rebooted_meanwhile_gets_nothing_of_before(net):
    net = net({"vm1": {"mode": "client"}}, config=QUICK)
    join(net)
    wait_for(lambda: saved_rows(net), 5, "saved")
    net.switch.kill()
    net.guests.pop("vm1").close()
    net.guests["vm1"] = net.switch.vguest("vm1", ip="10.0.0.1", mac="52:54:00:00:00:01")
    restarted(net)
    net.guests["vm1"].wait_up()
    net.guests["vm1"].expect_none(is_ours, fence(net))
    assert net.switch.groups() == []


BAD_FILES = ["", "{", "[]", "{\"version\": 9, \"guests\": []}", "{\"version\": 1, \"guests\": [{}, 7, {\"version\": 1}]}",
             "{\"version\": 1, \"guests\": {\"vm1\": []}}", "\0\0\0\0", "[" * 5000]


def test_bad_state_files_are_told_and_left(net):
    net = net({"vm1": {}})
    path = net.switch.work / "state.json"
    for text in BAD_FILES:
        net.switch.stop()
        path.write_text(text)
        net.switch.start()
        events = [event["text"] for event in net.switch.ctl("show events")]
        assert any("saved state" in event for event in events) or text.startswith("{\"version\": 1, \"guests\": {") \
            or text == "[]", (text, events)
    net.guests["vm1"].wait_up()


def test_no_state_file_and_one_that_cannot_be_written(net):
    first = net({"vm1": {}}, config={"state_file": "none"})
    join(first)
    first.switch.stop()
    assert not (first.switch.work / "state.json").exists()
    second = net({"vm1": {}}, config={"state_file": "/proc/nowhere/state.json"}, label="second")
    join(second)
    second.switch.wait("show events", lambda events: any("cannot be saved" in event["text"] for event in events))
