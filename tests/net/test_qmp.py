# SPDX-License-Identifier: BSD-3-Clause
"""
The guest's NIC filter, as QEMU tells it over QMP: rows at once and before any report; and monitors that lie, stall or flood.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2
                               |
                             QMP: lab.fakeqmp.FakeQmp
"""

import json
import os
import socket
import tempfile
import threading
import time

import pytest

from lab import frames
from lab.fakeqmp import FakeQmp, card
from lab.process import wait_for

OUTSIDE, SOURCE = "02:00:00:00:00:99", "10.0.0.99"
GROUP, ALIAS, OTHER = "239.1.1.1", "239.129.1.1", "239.2.2.2"
MAC1, MAC2 = "52:54:00:00:00:01", "52:54:00:00:00:02"
GROUP_MAC, OTHER_MAC = frames.group_mac(GROUP), frames.group_mac(OTHER)


class Monitors:
    """QMP sockets in a directory of their own; what is made is closed."""

    def __init__(self):
        self.dir, self.made = tempfile.TemporaryDirectory(prefix="mcs-qmp-"), []

    def path(self, name="vm1"):
        return f"{self.dir.name}/{name}.qmp"

    def fake(self, cards, name="vm1", **kwargs):
        self.made.append(FakeQmp(self.path(name), cards, **kwargs))
        return self.made[-1]

    def close(self):
        for one in self.made:
            one.close()
        self.dir.cleanup()


@pytest.fixture
def monitors():
    monitors = Monitors()
    yield monitors
    monitors.close()


def filter_rows(net, port="vm1"):
    return {row["group"] for row in net.switch.groups(port=port, origin="filter")}


def wait_rows(net, *macs, port="vm1", timeout=10.0):
    wait_for(lambda: filter_rows(net, port) == set(macs), timeout, lambda: f"filter rows {macs}: {net.switch.groups()}")
    net.switch.wait_turn()


def port_of(net, name="vm1"):
    return next(port for port in net.switch.ctl("show ports") if port["name"] == name)


def reaches(net, group, names, payload):
    net.up.send(frames.udp(OUTSIDE, SOURCE, group, payload))
    net.up.send(frames.udp(OUTSIDE, SOURCE, "224.0.0.251", b"after " + payload))
    for name, guest in net.guests.items():
        seen = guest.collect(frames.is_payload(b"after " + payload))
        assert sum(frames.look(frame).payload == payload for frame in seen) == (name in names), (name, payload)


def migrations(net):
    return [event["migration"] for event in net.switch.ctl("show events") if event.get("migration")]


# ---- what the filter is worth ----

def test_rows_at_once_and_aliases_until_snooping_knows(net, monitors):
    """Paper page 3, and design.md's "three sources": exact to MAC first, to the IP group once the guest has reported."""
    qmp = monitors.fake({"nic0": card(MAC1, [GROUP_MAC, "33:33:00:00:00:01"])})
    net = net({"vm1": {"qmp": monitors.path()}, "vm2": {}})
    vm1 = net.guests["vm1"]
    wait_rows(net, GROUP_MAC, "33:33:00:00:00:01")
    reaches(net, GROUP, ["vm1"], b"by mac")
    reaches(net, ALIAS, ["vm1"], b"alias of it")
    reaches(net, OTHER, [], b"another")
    vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, GROUP))
    net.switch.wait_member("vm1", GROUP)
    reaches(net, GROUP, ["vm1"], b"by group")
    reaches(net, ALIAS, [], b"alias no more")
    qmp.change("nic0", [OTHER_MAC])
    wait_rows(net, OTHER_MAC)
    reaches(net, OTHER, ["vm1"], b"another now")
    assert port_of(net)["nic_filter"] == "1 multicast, 0 more unicast"


def test_the_event_is_armed_by_reading(net, monitors):
    """QEMU raises it once: every change must be followed by a reading, or the next is never heard."""
    qmp = monitors.fake({"nic0": card(MAC1)})
    net = net({"vm1": {"qmp": monitors.path()}})
    qmp.wait_asked(1)
    for i in range(1, 6):
        mac = f"01:00:5e:00:01:{i:02x}"
        wait_for(lambda: "nic0" in qmp.armed, 5, "armed")
        qmp.change("nic0", [mac])
        wait_rows(net, mac)


@pytest.mark.parametrize("fields, reached, text", [
    ({"multicast": "none"}, [], "no multicast, 0 multicast"),
    ({"multicast": "all"}, ["vm1"], "all multicast, "),
    ({"multicast-overflow": True}, ["vm1"], "all multicast, "),
], ids=["none", "all", "overflow"])
def test_modes(net, monitors, fields, reached, text):
    monitors.fake({"nic0": card(MAC1, [] if reached else [GROUP_MAC], **fields)})
    net = net({"vm1": {"qmp": monitors.path()}, "vm2": {}}, config={"vlans": [{"id": 0, "unregistered": "drop"}]})
    net.switch.wait("show ports", lambda ports: any((port["nic_filter"] or "").startswith(text) for port in ports))
    net.switch.wait_turn()
    reaches(net, GROUP, reached, b"to a group")
    vm2 = net.guests["vm2"]
    vm2.send(frames.igmp3_join(vm2.mac, vm2.ip, OTHER))
    net.switch.wait_member("vm2", OTHER)
    reaches(net, OTHER, [*reached, "vm2"], b"to the other's group")


def test_trunk_rows_in_the_vlans_of_the_nic(net, monitors):
    qmp = monitors.fake({"nic0": card(MAC1, [GROUP_MAC], **{"vlan-table": [0, 20]})})
    net = net({"vm1": {"qmp": monitors.path(), "trunk": [20, 30]}})
    wait_rows(net, GROUP_MAC)
    assert {row["vlan"] for row in net.switch.groups(origin="filter")} == {20}
    qmp.change("nic0", **{"vlan-table": list(range(4096))})
    net.switch.wait("show groups", lambda rows: {row["vlan"] for row in rows} == {20, 30})


def test_quota_holds(net, monitors):
    monitors.fake({"nic0": card(MAC1, [f"01:00:5e:00:{i >> 8:02x}:{i & 255:02x}" for i in range(256, 1256)])})
    net = net({"vm1": {"qmp": monitors.path(), "limits": {"groups": 10}}})
    wait_for(lambda: len(filter_rows(net)) == 10, 10, "ten rows")
    net.switch.wait("show events", lambda events: any(event["type"] == "quota" for event in events))


# ---- which card ----

def test_the_card_of_this_socket(net, monitors):
    """Three cards: the one whose vhost-user chardev has the guest's socket, whatever its MAC."""
    cards = {f"nic{i}": card(f"52:54:00:00:00:a{i}", [f"01:00:5e:00:01:{i:02x}"]) for i in range(3)}
    net = net({"vm1": {"qmp": monitors.path(), "mac": MAC1}})
    monitors.fake(cards, sockets={"nic0": "/elsewhere.sock", "nic1": net.switch.guests["vm1"]["socket"]})
    wait_rows(net, "01:00:5e:00:01:01")


def test_the_card_of_this_mac(net, monitors):
    monitors.fake({"nic0": card(MAC2, [OTHER_MAC]), "nic1": card(MAC1, [GROUP_MAC])})
    net = net({"vm1": {"qmp": monitors.path()}})
    wait_rows(net, GROUP_MAC)


def test_no_such_card_until_it_is_plugged(net, monitors):
    qmp = monitors.fake({"nic0": card(MAC2, [OTHER_MAC]), "nic1": card("52:54:00:00:00:0a")})
    net = net({"vm1": {"qmp": monitors.path()}})
    net.switch.wait("show ports", lambda ports: any("no NIC on this socket" in (port["nic_filter"] or "") for port in ports))
    assert filter_rows(net) == set()
    qmp.cards["nic2"] = card(MAC1, [GROUP_MAC])
    net.guests["vm1"].message(99)  # another connection of the port
    wait_rows(net, GROUP_MAC)


# ---- claims ----

def test_main_mac_is_the_guests_where_none_is_configured(net, monitors):
    qmp = monitors.fake({"nic0": card("52:54:00:00:00:77")})
    net = net({"vm1": {"qmp": monitors.path(), "mac": None}, "vm2": {"mac": MAC2}})
    net.switch.wait("show ports", lambda ports: any(port["mac_origin"] == "qmp" for port in ports))
    assert port_of(net)["mac"] == "52:54:00:00:00:77"
    # It may not become another one by itself, nor anybody's.
    for mac in ("52:54:00:00:00:78", MAC2, "01:00:5e:00:00:01", "00:00:00:00:00:00"):
        n = qmp.asked
        qmp.change("nic0", **{"main-mac": mac})
        qmp.wait_asked(n + 1)
        assert port_of(net)["mac"] == "52:54:00:00:00:77"


def test_main_mac_by_the_security_settings(net, monitors):
    qmp = monitors.fake({"nic0": card("52:54:00:00:00:77")}, "vm1")
    monitors.fake({"nic0": card("52:54:00:00:00:78")}, "vm2")
    net = net({"vm1": {"qmp": monitors.path(), "mac": MAC1, "security": {"mac_changes": "accept"}},
               "vm2": {"qmp": monitors.path("vm2"), "mac": MAC2}})
    net.switch.wait("show ports", lambda ports: any(port["mac"] == "52:54:00:00:00:77" for port in ports))
    wait_for(lambda: "0 multicast" in (port_of(net, "vm2")["nic_filter"] or ""), 5, "vm2's filter")
    assert (port_of(net, "vm2")["mac"], port_of(net, "vm2")["mac_origin"]) == (MAC2, "configured")
    qmp.change("nic0", **{"main-mac": MAC2})
    qmp.wait_asked(2)
    assert port_of(net)["mac"] == "52:54:00:00:00:77"


def test_promiscuous_is_shown_and_gives_nothing(net, monitors):
    monitors.fake({"nic0": card(MAC1, promiscuous=True, **{"unicast-table": ["52:54:00:00:00:55"]})})
    net = net({"vm1": {"qmp": monitors.path()}, "vm2": {}})
    net.switch.wait("show ports", lambda ports: any(port["nic_filter"] == "promiscuous, 0 multicast, 1 more unicast"
                                                    for port in ports))
    reaches(net, GROUP, [], b"a group")
    net.up.send(frames.udp(OUTSIDE, SOURCE, "10.0.0.55", b"unicast", dst_mac="52:54:00:00:00:55"))
    reaches(net, OTHER, [], b"another")
    net.guests["vm1"].expect_none(frames.is_payload(b"unicast"), frames.is_payload(b"last"),
                                  send_fence=lambda: net.up.send(frames.udp(OUTSIDE, SOURCE, "224.0.0.251", b"last")))


# ---- life ----

def test_resume_is_an_arrival(net, monitors):
    """On the destination of a migration; and one burst, however else it is noticed."""
    qmp = monitors.fake({"nic0": card(MAC1, [GROUP_MAC])}, status="inmigrate")
    net = net({"vm1": {"qmp": monitors.path()}}, config={"igmp": {"query_gap_ms": 20}})
    qmp.wait_asked(1)
    qmp.change("nic0", [OTHER_MAC])
    qmp.event("RESUME")
    vm1 = net.guests["vm1"]
    for _ in range(2):
        vm1.expect(lambda frame: frames.look(frame).kind == "mld query")
    vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, OTHER))
    net.switch.wait_member("vm1", OTHER)
    net.up.send(frames.udp(OUTSIDE, SOURCE, OTHER, b"data"))
    wait_for(lambda: migrations(net), 15, "the arrival is told")
    told = migrations(net)[0]
    assert told["detected_by"] == ["qmp"]
    assert told["rows"]["filter"] == 1 and told["first_filter_ms"] is not None
    wait_rows(net, OTHER_MAC)


def test_the_first_run_of_a_machine_is_no_arrival(net, monitors):
    """libvirt starts every machine paused and lets it run then."""
    qmp = monitors.fake({"nic0": card(MAC1)}, status="prelaunch")
    net = net({"vm1": {"qmp": monitors.path()}})
    qmp.wait_asked(1)
    qmp.event("RESUME")
    qmp.wait_asked(2)
    net.up.send(frames.udp(OUTSIDE, SOURCE, "224.0.0.251", b"fence"))
    net.guests["vm1"].expect_none(lambda frame: frame[6:12] == bytes(6), frames.is_payload(b"fence"))
    assert not [event for event in net.switch.ctl("show events") if event["type"] == "migration"]


def test_a_reset_is_read(net, monitors):
    """A device reset clears the table without an event of its own; a reboot is no migration."""
    qmp = monitors.fake({"nic0": card(MAC1, [GROUP_MAC])})
    net = net({"vm1": {"qmp": monitors.path()}})
    wait_rows(net, GROUP_MAC)
    qmp.cards["nic0"]["multicast-table"] = []
    qmp.event("RESET", guest=True, reason="guest-reset")
    wait_rows(net)
    assert not [event for event in net.switch.ctl("show events") if event["type"] == "migration"]


def test_rows_end_with_the_port_and_come_with_it(net, monitors):
    qmp = monitors.fake({"nic0": card(MAC1, [GROUP_MAC])})
    net = net({"vm1": {"qmp": monitors.path()}})
    wait_rows(net, GROUP_MAC)
    net.guests.pop("vm1").kill()
    wait_rows(net)
    n = qmp.asked
    net.connect("vm1", "10.0.0.1", mac=MAC1)
    qmp.wait_asked(n + 1)
    wait_rows(net, GROUP_MAC)


def test_monitor_goes_and_comes(net, monitors):
    """Rows stand meanwhile: QMP is a witness, not the guest."""
    qmp = monitors.fake({"nic0": card(MAC1, [GROUP_MAC])})
    net = net({"vm1": {"qmp": monitors.path()}})
    wait_rows(net, GROUP_MAC)
    qmp.close()
    net.switch.wait("show ports", lambda ports: any("unknown" in (port["nic_filter"] or "") for port in ports))
    reaches(net, GROUP, ["vm1"], b"still")
    os.unlink(monitors.path())
    monitors.fake({"nic0": card(MAC1, [OTHER_MAC])})
    wait_rows(net, OTHER_MAC)


def test_deleted_guest_lets_its_monitor_go(net, monitors):
    qmp = monitors.fake({"nic0": card(MAC1, [GROUP_MAC])})
    net = net({"vm1": {"qmp": monitors.path()}})
    wait_rows(net, GROUP_MAC)
    net.switch.ctl("guest del vm1")
    net.guests.pop("vm1").close()
    wait_for(lambda: qmp.client is None, 5, "the connection is closed")
    assert net.switch.groups() == []


# ---- monitors that mean harm ----

def flood(qmp):
    """Events as fast as the socket takes them."""
    line = json.dumps({"event": "NIC_RX_FILTER_CHANGED", "data": {"name": "nic0"}}).encode() + b"\n"
    qmp.send(line * 5000)


def big_line(qmp):
    qmp.send(b"{\"event\": \"" + b"x" * (3 << 20))


HOSTILE = {
    "garbage": lambda qmp: qmp.send(b"\x00\xff\xfe nonsense\n"),
    "no object": lambda qmp: qmp.send(b"[1, 2, 3]\n"),
    "an object that says nothing": lambda qmp: qmp.send(b"{}\n"),
    "a line without end": big_line,
    "deep nesting": lambda qmp: qmp.send(b"[" * 900_000 + b"\n"),
    "an answer to nothing": lambda qmp: qmp.send({"return": {}, "id": 12345}),
    "an answer without id": lambda qmp: qmp.send({"return": {}}),
    "a flood": flood,
}


@pytest.mark.parametrize("harm", HOSTILE.values(), ids=HOSTILE)
def test_hostile_monitors_are_left_and_tried_again(net, monitors, harm):
    """The connection ends, nobody else notices, and what is read later is right."""
    qmp, good = monitors.fake({"nic0": card(MAC1, [GROUP_MAC])}), monitors.fake({"nic0": card(MAC2, [OTHER_MAC])}, "vm2")
    net = net({"vm1": {"qmp": monitors.path()}, "vm2": {"qmp": monitors.path("vm2")}})
    wait_rows(net, GROUP_MAC)
    before = qmp.n_clients
    harm(qmp)
    qmp.wait_client(before + 1)
    good.change("nic0", ["01:00:5e:00:09:09"])
    wait_rows(net, "01:00:5e:00:09:09", port="vm2")
    wait_rows(net, GROUP_MAC)


ANSWERS = {
    "capabilities refused": ("qmp_capabilities", {"class": "GenericError", "desc": "no"}),
    "a filter of nonsense": ("query-rx-filter", [{"name": "nic0", "main-mac": "x"}]),
    "no list": ("query-rx-filter", {"nic0": 1}),
    "a table of numbers": ("query-rx-filter", [{"name": "nic0", **card(MAC1), "multicast-table": list(range(9))}]),
    "a long name": ("query-rx-filter", [{**card(MAC1), "name": "n" * 5000}]),
    "info network of nonsense": ("human-monitor-command", "\0\n \\ \n:::,type=nic,\n \\,type=vhost-user, to "),
    "half an answer": ("query-rx-filter", b"{\"return\": [{\"name\": \"nic0\", "),
}


@pytest.mark.parametrize("command, answer", ANSWERS.values(), ids=ANSWERS)
def test_bad_answers(net, monitors, command, answer):
    """Nothing of them becomes a row; once the answers are right, the rows are there."""
    qmp = monitors.fake({"nic0": card(MAC1, [GROUP_MAC])})
    qmp.answers[command] = answer
    net = net({"vm1": {"qmp": monitors.path()}})
    wait_for(lambda: command in qmp.commands, 10, command)
    wait_for(lambda: net.switch.ctl("show status")["law_holds"], 5, "the switch answers")
    if command != "human-monitor-command":  # then the only card is taken
        assert filter_rows(net) == set()
    qmp.answers.clear()
    net.guests["vm1"].message(99)
    wait_rows(net, GROUP_MAC, timeout=20)


def test_silent_monitors_do_not_stop_the_loop(net, monitors):
    """One that accepts and says nothing, one that greets and falls silent, one that nobody serves."""
    mute = socket.socket(socket.AF_UNIX)
    mute.bind(monitors.path("vm1"))
    mute.listen(1)
    silent = monitors.fake({"nic0": card(MAC2, [OTHER_MAC])}, "vm2")
    silent.answers["query-status"] = b""
    full = socket.socket(socket.AF_UNIX)
    full.bind(monitors.path("vm3"))
    full.listen(0)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(monitors.path("vm3"))
    net = net({name: {"qmp": monitors.path(name)} for name in ("vm1", "vm2", "vm3")})
    slowest = 0
    for _ in range(100):
        begin = time.monotonic()
        net.switch.ctl("show status")
        slowest = max(slowest, time.monotonic() - begin)
    print(f"slowest of 100 answers: {slowest * 1000:.1f} ms")
    silent.wait_client(2, timeout=20)
    silent.answers.clear()
    wait_rows(net, OTHER_MAC, port="vm2", timeout=30)
    net.switch.wait("show ports", lambda ports: sum("unknown" in (port["nic_filter"] or "") for port in ports) == 2)
    mute.settimeout(20)
    once_more = [mute.accept()[0], mute.accept()[0]]  # the second attempt: the first was given up
    for sock in (mute, full, waiting, *once_more):
        sock.close()


def test_a_guest_that_never_rests(net, monitors):
    """Its filter changes as fast as it can: it is read at most every 5 ms, and the last state is what stands."""
    qmp = monitors.fake({"nic0": card(MAC1)})
    net = net({"vm1": {"qmp": monitors.path()}})
    qmp.wait_asked(1)
    stop = threading.Event()
    begin = time.monotonic()

    def run():
        i = 0
        while not stop.is_set():
            i += 1
            qmp.change("nic0", [f"01:00:5e:00:{1 + (i >> 8 & 63):02x}:{i & 255:02x}"])
            time.sleep(0.0005)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: qmp.asked > 100, 20, "a hundred readings")
    stop.set()
    thread.join()
    elapsed = time.monotonic() - begin
    assert qmp.asked <= elapsed / 0.005 + 5
    qmp.change("nic0", [GROUP_MAC])
    wait_rows(net, GROUP_MAC)


def test_memory_is_bounded(net, monitors):
    """Lines just short of the limit, again and again."""
    qmp = monitors.fake({"nic0": card(MAC1)})
    net = net({"vm1": {"qmp": monitors.path()}}, env={"ASAN_OPTIONS": "quarantine_size_mb=8"})
    qmp.wait_asked(1)
    line = b"{\"event\": \"X\", \"data\": [" + b"0," * 500_000 + b"0]}\n"

    def rss():
        with open(f"/proc/{net.switch.process.pid}/statm") as file:
            return int(file.read().split()[1]) * 4096

    for _ in range(3):
        qmp.send(line)
    n = qmp.asked
    qmp.change("nic0", [GROUP_MAC])
    qmp.wait_asked(n + 1)
    before = rss()
    for _ in range(20):
        qmp.send(line)
    n = qmp.asked
    qmp.change("nic0", [OTHER_MAC])
    qmp.wait_asked(n + 1)
    wait_rows(net, OTHER_MAC)
    print(f"resident: {before >> 10} KiB, {rss() >> 10} KiB after 20 MB more")
    assert rss() < before + (64 << 20)
