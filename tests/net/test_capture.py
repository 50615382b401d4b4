# SPDX-License-Identifier: BSD-3-Clause
"""
mcctl capture: what comes in and leaves, as Wireshark reads it.

    test --raw-- TAP up0, up1 -- mcswitch == vhost-user == vm1, vm2 (VLAN 20, a trunk)
"""

import json
import re
import signal
import socket
import subprocess

import pytest

from lab import frames
from lab.process import Process, run, wait_for
from lab.rpc import Rpc
from lab.switch import CLIENT

OUTSIDE, SOURCE, GROUP, OTHER = "02:00:00:00:00:99", "10.0.0.99", "239.1.1.1", "239.2.2.2"
FIELDS = ("frame.interface_name", "frame.packet_flags_direction", "frame.len", "vlan.id", "ip.dst", "data.data", "_ws.col.Protocol")


class Capture(Process):
    """`mcctl capture WORDS > FILE`, from the moment from which no frame is missed."""

    def __init__(self, net, *words):
        self.file, self.net = net.switch.work / f"{'-'.join(words) or 'all'}.pcapng", net
        self.out = open(self.file, "wb")
        super().__init__([CLIENT, "--socket", net.switch.socket, "capture", *words], net.switch.work / f"{'-'.join(words)}.capture.log",
                         name="capture", stdout=self.out)
        wait_for(lambda: "capturing" in self.log_text(), 5, "mcctl captures", every=0.005, alive=self)
        net.switch.wait_turn()

    def finish(self):
        """Ctrl-C: (frames, lost, why) as told."""
        self.signal(signal.SIGINT)
        return self.told()

    def told(self):
        assert self.wait(5) == 0, self.log_text()
        found = re.search(r"mcctl: (\d+) frames, (\d+) lost; (.*)\n", self.log_text())
        return int(found[1]), int(found[2]), found[3]

    def rows(self, *fields):
        """What tshark makes of it; it fails on a file that it cannot read."""
        text = run(["tshark", "-n", "-r", self.file, "-T", "fields", "-E", "separator=|",
                    *(word for field in fields or FIELDS for word in ("-e", field))])
        return [tuple(line.split("|")) for line in text.splitlines()]

    def payloads(self):
        """{(port, in or out, payload)}"""
        way = {"0x00000001": "in", "0x00000002": "out", "1": "in", "2": "out"}
        return sorted((name, way[direction], bytes.fromhex(data.replace(":", "")).rstrip(b"\0").decode())
                      for name, direction, _, _, _, data, _ in self.rows() if data)

    def _close(self):
        super()._close()
        self.out.close()


@pytest.fixture
def two(net):
    """vm1 gets GROUP, vm2 OTHER."""
    one = net({"vm1": {"vlan": 20}, "vm2": {"trunk": [20, 30]}}, uplinks=("up0", "up1"))
    vm1, vm2 = one.guests.values()
    vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, GROUP))
    vm2.send(frames.igmp3_report(vm2.mac, vm2.ip, [(frames.TO_EX, OTHER, [])], vlan=20))
    one.switch.wait_member("vm1", GROUP)
    one.switch.wait_member("vm2", OTHER)
    one.settle()
    return one


def send(net, group, payload):
    """By the uplink that carries the guest that gets it."""
    name, up = ("vm1", "up0") if group == GROUP else ("vm2", "up1")
    net.ups[up].send(frames.udp(OUTSIDE, SOURCE, group, payload, vlan=20))
    net.guests[name].expect(frames.is_payload(payload))
    net.switch.wait_turn()


def test_both_ways_with_port_names_and_tags(two):
    capture = Capture(two)
    send(two, GROUP, b"one")
    send(two, OTHER, b"two")
    n, lost, why = capture.finish()
    assert (lost, why) == (0, "asked to stop")
    rows = [row for row in capture.rows() if row[4] in (GROUP, OTHER)]
    assert len(capture.rows()) == n
    assert capture.payloads() == [("up0", "in", "one"), ("up1", "in", "two"), ("vm1", "out", "one"), ("vm2", "out", "two")]
    # as on each wire: tagged on the uplink and into the trunk, untagged to the access port
    assert {(row[0], row[3]) for row in rows} == {("up0", "20"), ("up1", "20"), ("vm1", ""), ("vm2", "20")}
    info = run(["capinfos", "-I", capture.file])
    assert all(f"Name = {name}" in info for name in ("up0", "up1", "vm1", "vm2"))


def test_times_are_now_and_ascend(two):
    capture = Capture(two)
    for i in range(20):
        send(two, GROUP, b"number %d" % i)
    capture.finish()
    times = [float(row[0]) for row in capture.rows("frame.time_epoch", "frame.number")]
    assert times == sorted(times) and len(times) >= 40
    age = float(run(["date", "+%s.%N"])) - times[0]
    assert 0 <= age < 60


def test_port(two):
    capture = Capture(two, "port", "vm1")
    send(two, OTHER, b"not for vm1")
    vm1 = two.guests["vm1"]
    vm1.send(frames.udp(vm1.mac, vm1.ip, OTHER, b"from vm1"))
    two.guests["vm2"].expect(frames.is_payload(b"from vm1"))
    send(two, GROUP, b"for vm1")
    capture.finish()
    assert capture.payloads() == [("vm1", "in", "from vm1"), ("vm1", "out", "for vm1")]
    assert {row[0] for row in capture.rows()} == {"vm1"}


def test_group_has_its_data_and_its_membership(two):
    """A report in a message with others, the router's general query; nothing of other groups."""
    capture = Capture(two, "group", GROUP)
    send(two, OTHER, b"another group")
    send(two, GROUP, b"the group")
    vm1 = two.guests["vm1"]
    vm1.send(frames.igmp3_report(vm1.mac, vm1.ip, [(frames.TO_EX, "239.3.3.3", []), (frames.TO_EX, GROUP, [])]))
    vm1.send(frames.igmp3_report(vm1.mac, vm1.ip, [(frames.TO_EX, "239.4.4.4", [])]))
    two.switch.wait_member("vm1", "239.4.4.4")
    vm1.send(frames.mld2_join(vm1.mac, "ff05::1:3"))
    two.switch.wait_member("vm1", "ff05::1:3")
    two.ups["up0"].send(frames.igmp_query("02:00:00:00:00:01", "10.0.0.254", vlan=20))
    vm1.expect(lambda frame: frames.look(frame).kind.startswith("igmp query") and frames.look(frame).src == "02:00:00:00:00:01")
    capture.finish()
    assert capture.payloads() == [("up0", "in", "the group"), ("vm1", "out", "the group")]
    came = [(row[0], row[1]) for row in capture.rows("frame.interface_name", "igmp.type") if row[1]]
    assert ("vm1", "0x22") in came and ("up0", "0x22") in came and ("up0", "0x11") in came and ("vm1", "0x11") in came
    groups = {group for row in capture.rows("igmp.maddr") for group in row[0].split(",") if group}
    assert GROUP in groups and not {OTHER, "239.4.4.4"} & groups
    assert not [row for row in capture.rows("_ws.col.Protocol") if row[0].startswith("ICMPv6")]


def test_mac_group(two):
    capture = Capture(two, "group", "01:00:5e:01:01:01")
    send(two, OTHER, b"another group")
    send(two, GROUP, b"the group")
    capture.finish()
    assert capture.payloads() == [("up0", "in", "the group"), ("vm1", "out", "the group")]


def test_count(two):
    capture = Capture(two, "group", GROUP, "port", "up0", "count", "3")
    for i in range(10):
        send(two, GROUP, b"number %d" % i)
    assert capture.told() == (3, 0, "the count is reached")
    assert capture.payloads() == [("up0", "in", f"number {i}") for i in range(3)]


def test_refusals(two):
    def mcctl(*words, **kwargs):
        return subprocess.run([CLIENT, "--socket", two.switch.socket, "capture", *words], capture_output=True, text=True, timeout=10, **kwargs)
    for words, said in ((("port", "vm9"), "there is no port named vm9"), (("group", "10.0.0.1"), "multicast address"),
                        (("count", "0"), "1 or more"), (("ports",), "'ports': expected port P")):
        done = mcctl(*words)
        assert done.returncode == 1 and said in done.stderr and not done.stdout, words
    first = Capture(two)
    done = mcctl()
    assert done.returncode == 1 and "one at a time" in done.stderr
    first.kill()  # it says nothing to anybody
    second = None

    def again():
        nonlocal second
        second = subprocess.Popen([CLIENT, "--socket", two.switch.socket, "capture", "count", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return b"capturing" in second.stderr.readline()
    wait_for(again, 5, "another may capture once the first is gone")
    two.ups["up0"].send(frames.udp(OUTSIDE, SOURCE, GROUP, b"for the second", vlan=20))
    assert second.communicate(timeout=5)[0][:4] == b"\x0a\x0d\x0d\x0a" and second.returncode == 0


def test_port_that_goes_ends_it(two):
    capture = Capture(two, "port", "vm1")
    two.guests.pop("vm1").close()
    two.switch.ctl("guest del vm1")
    assert capture.told()[1:] == (0, "the port is gone")


def test_reader_that_does_not_read_loses_copies_and_nobody_frames(two):
    """The switch's memory does not grow, the guest gets all, the figures tell what was lost."""
    vm1 = two.guests["vm1"]
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(two.switch.socket))
    client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"capture","params":{"port":"up0"}}\n')
    with Rpc(two.switch.socket) as rpc:
        n = 0
        for _ in range(6):  # twice what waits for a reader; who reads nothing for ten seconds is dropped
            burst = [frames.udp(OUTSIDE, SOURCE, GROUP, b"%d" % (n + i) + b"x" * 1000, vlan=20) for i in range(100)]
            n += 100
            two.ups["up0"].send(burst)
            got = vm1.collect(lambda frame: frames.look(frame).payload.startswith(b"%dx" % (n - 1)))
            assert sum(b"x" * 100 in frames.look(frame).payload for frame in got) == 100
        assert rpc.call("status")["dropped"] == 0
    client.sendall(b'{"jsonrpc":"2.0","id":2,"method":"capture.stop"}\n')
    lines = client.makefile("rb")
    told = next(line for line in map(json.loads, lines) if line.get("method") == "captured")["params"]
    assert told["frames"] + told["lost"] >= n and told["lost"] > 0 and told["ended"] == "asked to stop"
    client.close()


def test_capture_comes_and_goes_under_traffic(two):
    """Fifty taps published and retired: no frame is lost, none counted twice."""
    vm1, n = two.guests["vm1"], 0
    for _ in range(50):
        with Rpc(two.switch.socket) as rpc:
            rpc.call("capture")
            two.ups["up0"].send([frames.udp(OUTSIDE, SOURCE, GROUP, b"%d" % (n + i), vlan=20) for i in range(20)])
            n += 20
    two.ups["up0"].send(frames.udp(OUTSIDE, SOURCE, GROUP, b"end", vlan=20))
    got = [frames.look(frame).payload for frame in vm1.collect(frames.is_payload(b"end"))]
    assert [payload for payload in got if payload.isdigit()] == [b"%d" % i for i in range(n)]


def test_two_workers(net):
    """A frame from one worker to another is seen once coming in and once leaving, whoever saw it."""
    two = net({f"vm{i}": {} for i in range(1, 5)}, lcores="0@0,1@1,2@1")
    for guest in two.guests.values():
        guest.send(frames.igmp3_join(guest.mac, guest.ip, GROUP))
    for name in two.guests:
        two.switch.wait_member(name, GROUP)
    assert len({port["worker"] for port in two.switch.ctl("show ports")}) == 2
    two.settle()
    capture = Capture(two, "group", GROUP)
    for i in range(10):
        two.up.send(frames.udp(OUTSIDE, SOURCE, GROUP, b"number %d" % i))
        for guest in two.guests.values():
            guest.expect(frames.is_payload(b"number %d" % i))
    two.switch.wait_turn()
    n, lost, _ = capture.finish()
    expected = [("up0", "in", f"number {i}") for i in range(10)]
    expected += [(name, "out", f"number {i}") for name in two.guests for i in range(10)]
    assert capture.payloads() == sorted(expected) and (n, lost) == (50, 0)
