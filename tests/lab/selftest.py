# SPDX-License-Identifier: BSD-3-Clause
"""
The laboratory tested without mcswitch: dpdk-testpmd takes its place, and passes frames between one vhost-user guest and one TAP.

    guest (VGuest or QEMU) == vhost-user == testpmd == TAP up0 -- bridge br0 -- router, source

Run: cd tests && /usr/bin/python3 -m pytest -q lab/selftest.py
"""

import os
import signal
import subprocess
import sys
import time

import pytest

from lab import frames, switch
from lab.frames import Tap
from lab.netns import Wire, sweep
from lab.process import REPO, LabError, Owned, Process, Workdir, alive, run, wait_for
from lab.query import Querier
from lab.stream import Receiver, Sender
from lab.switch import Hugepages, eal_memory, yaml
from lab.vguest import VGuest
from lab.vm import Guest

GROUP = "239.1.1.1"


class Testpmd(Owned):
    """Frames between the vhost-user socket and the TAP up0 of a wire."""

    __test__ = False

    def __init__(self, wire, client=False, hugepages=False):
        self.work = Workdir("testpmd")
        self.socket = self.work / "vm1.sock"
        self.pages = Hugepages(256) if hugepages else None
        self.client = client
        self.wire = wire
        self.start()
        super().__init__()

    def start(self):
        if not self.client and self.socket.exists():
            self.socket.unlink()  # left by kill(); DPDK does not bind over it
        vhost = f"net_vhost0,iface={self.socket},queues=1" + (",client=1" if self.client else "")
        memory = eal_memory(self.pages and self.pages.ok, self.work.path.name, 256)
        argv = ["stdbuf", "-oL", "dpdk-testpmd", "-l", "0,1", "--no-pci", "--no-telemetry", *memory, "--vdev", "net_tap0,iface=up0",
                "--vdev", vhost, "--", "-i", "--auto-start", "--no-flush-rx", "--total-num-mbufs=8192"]
        read_end, self._stdin = os.pipe()  # an interactive testpmd ends when its input does
        self.process = Process(argv, self.work / "log", ns=self.wire, stdin=read_end)
        os.close(read_end)
        self.wire.attach("up0", alive=self.process)
        wait_for(lambda: "testpmd>" in self.process.log_text(), 20, "forwarding", alive=self.process)

    def link_status(self):
        """What the driver says of port 0: "up" or "down"."""
        n_before = self.process.log_text().count("Link speed")
        os.write(self._stdin, b"show port info 0\n")
        wait_for(lambda: self.process.log_text().count("Link speed") > n_before, 5, "answer of testpmd")
        return self.process.log_text().split("Link status: ")[-1].split()[0]

    def kill(self):
        os.close(self._stdin)
        self.process.kill()
        self.process.close()

    def _close(self):
        self.kill()
        if self.pages:
            self.pages.close()
        self.work.close()


@pytest.fixture
def wire():
    with Wire() as one:
        yield one


def round_trip(guest, tap, text):
    """A frame each way."""
    guest.send(frames.udp(guest.mac, "10.0.0.1", GROUP, text + b" out", vlan=20))
    seen = frames.look(tap.expect(frames.is_payload(text + b" out")))
    assert (seen.vlan, seen.ip_dst, seen.dst) == (20, GROUP, "01:00:5e:01:01:01")
    tap.send(frames.udp("02:00:00:00:00:01", "10.0.0.2", GROUP, text + b" in"))
    guest.expect(frames.is_payload(text + b" in"))


@pytest.mark.parametrize("hugepages", [False, True], ids=["no-huge", "hugepages"])
def test_vguest_exchanges_frames(wire, hugepages):
    with Testpmd(wire, hugepages=hugepages) as pmd, VGuest(pmd.socket) as guest, Tap(wire, "up0") as tap:
        guest.wait_up()
        round_trip(guest, tap, b"one")
        status = guest.status()
        assert status["unkicked"] == 0 and status["features"] & 1 << 32


def test_vguest_large_frames_and_bursts(wire):
    with Testpmd(wire) as pmd, VGuest(pmd.socket, rx_size=256) as guest, Tap(wire, "up0") as tap:
        guest.wait_up()
        payload = bytes(range(256)) * 5
        tap.send(frames.udp("02:00:00:00:00:01", "10.0.0.2", GROUP, payload))
        guest.expect(frames.is_payload(payload), what="1280 octets over six merged buffers")
        guest.send([frames.udp(guest.mac, "10.0.0.1", GROUP, b"%d" % i) for i in range(200)])
        got = tap.collect(frames.is_payload(b"199"))
        numbers = [look.payload for look in map(frames.look, got) if look.ip_dst == GROUP and look.ip_src == "10.0.0.1"]
        assert numbers == [b"%d" % i for i in range(200)]
        guest.wait_sent()


def test_vguest_stalls_dies_and_returns(wire):
    with Testpmd(wire) as pmd, Tap(wire, "up0") as tap:
        with VGuest(pmd.socket) as guest:
            guest.wait_up()
            guest.stall()
            tap.send(frames.udp("02:00:00:00:00:01", "10.0.0.2", GROUP, b"x"), count=600)
            guest.resume()
            round_trip(guest, tap, b"awake")
            guest.kill()
        with VGuest(pmd.socket) as guest:
            guest.wait_up()
            round_trip(guest, tap, b"again")


def test_vguest_owns_the_socket_and_survives_the_switch(wire):
    with Testpmd(wire, client=True) as pmd, VGuest(pmd.socket, listen=True) as guest:
        guest.wait_up()
        with Tap(wire, "up0") as tap:
            round_trip(guest, tap, b"before")
        pmd.kill()
        guest.wait_down()
        pmd.start()
        guest.wait_up(10)
        with Tap(wire, "up0") as tap:
            round_trip(guest, tap, b"after")


def test_vguest_raw_messages_and_descriptors(wire):
    with Testpmd(wire) as pmd, VGuest(pmd.socket) as guest, Tap(wire, "up0") as tap:
        guest.wait_up()
        assert len(guest.message(1, timeout=2)) == 8  # GET_FEATURES
        guest.send_rarp()
        tap.expect(frames.is_rarp(guest.mac))
        frame = bytes(12) + bytes(frames.udp(guest.mac, "10.0.0.1", GROUP, b"in two pieces"))
        status = guest.status()
        offset = status["memory_size"] - 4096
        guest.write_memory(offset, frame)
        at = status["guest_base"] + offset
        guest.descriptors(1, 250, [(250, at, 12, 1, 251), (251, at + 12, len(frame) - 12, 0, 0)])
        tap.expect(frames.is_payload(b"in two pieces"))


def test_expect_none_needs_its_fence(wire):
    with Testpmd(wire) as pmd, VGuest(pmd.socket) as guest, Tap(wire, "up0") as tap:
        guest.wait_up()
        data, fence = (frames.udp(guest.mac, "10.0.0.1", GROUP, text) for text in (b"data", b"fence"))
        tap.expect_none(frames.is_payload(b"data"), frames.is_payload(b"fence"), lambda: guest.send(fence))
        guest.send([data, fence])
        with pytest.raises(LabError, match="must not"):
            tap.expect_none(frames.is_payload(b"data"), frames.is_payload(b"fence"))
        with pytest.raises(LabError, match="the fence"):
            tap.expect_none(frames.is_payload(b"data"), frames.is_payload(b"fence"), timeout=0.1)


def test_cable_of_a_tap(wire):
    with Testpmd(wire) as pmd:
        for act, state in ((lambda: wire.carrier("up0", False), "down"), (lambda: wire.carrier("up0", True), "up"),
                           (lambda: wire.down("up0"), "down"), (lambda: wire.up("up0"), "up")):
            act()
            wait_for(lambda: pmd.link_status() == state, 5, f"link {state}", every=0.1)


def test_streams_and_the_snooping_bridge(wire):
    source, member = wire.host("source", "10.0.0.1/24"), wire.host("member", "10.0.0.2/24")
    with Querier(source, "eth0", "10.0.0.254", interval=0.5, response=0.2):
        with Receiver(member, GROUP) as receiver:
            wire.wait_member(GROUP, "member")
            with Sender(source, GROUP, rate=1000, count=500) as sender:
                assert sender.finish() == 500
            row = receiver.stop()[GROUP]
        assert (row["packets"], row["lost"], row["duplicates"]) == (500, 0, 0)
        wire.wait_member(GROUP, "member", member=False)


def test_two_machines_boot_and_answer():
    with Guest(None, name="a") as a, Guest(None, name="b") as b:
        begin = time.monotonic()
        a.wait_ready()
        b.wait_ready()
        print(f"two machines up in {time.monotonic() - begin:.1f} s")
        assert "Linux" in a.sh("uname -a")
        assert b.qmp.command("query-status")["running"]
        with pytest.raises(LabError, match="No such device"):
            a.join(GROUP)


def test_machine_joins_receives_and_leaves(wire):
    host = wire.host("source", "192.168.20.1/24", "fd00::1/64")
    with Testpmd(wire) as pmd, Querier(host, "eth0", "192.168.20.254", interval=1, response=0.2, mld=True), \
            Guest(pmd.socket, ip="192.168.20.101/24,fd00::101/64") as guest:
        guest.wait_ready()
        assert guest.ask("mac")["mac"] == guest.mac
        assert guest.ping("192.168.20.1") and guest.ping("fd00::1")
        guest.join(GROUP)
        guest.join("ff0e::1234")
        wire.wait_member(GROUP, "up0")
        wire.wait_member("ff0e::1234", "up0")
        assert "01:00:5e:01:01:01" in guest.rx_filter()["multicast-table"]
        for group in (GROUP, "ff0e::1234"):
            with Sender(host, group, rate=200) as sender:
                guest.wait_stream(group, n=100)
                sent = sender.stop()
            row = guest.wait_stream(group, n=sent)
            assert (row["lost"], row["duplicates"]) == (0, 0)
        guest.leave(GROUP)
        wire.wait_member(GROUP, "up0", member=False)
        guest.join("232.1.1.1", "192.168.20.1")
        with Receiver(host, "239.2.2.2") as receiver:
            guest.send("239.2.2.2", rate=100, count=50)
            wait_for(lambda: not guest.stats()["sent"][0]["running"], 10, "sent")
            guest.ping("192.168.20.1")  # the fence: behind the last datagram
            assert receiver.stop()["239.2.2.2"]["packets"] == 50


def test_trunk_machine(wire):
    with Testpmd(wire) as pmd, Tap(wire, "up0") as tap, Guest(pmd.socket, vlans={20: "10.20.0.1/24"}, igmp=2) as guest:
        guest.wait_ready()
        tap.drain()
        guest.join(GROUP, dev="eth0.20")
        seen = frames.look(tap.expect(frames.is_report(GROUP)))
        assert (seen.vlan, seen.kind) == (20, "igmp report2")


def test_machine_migrates():
    with Workdir("uri") as work, Guest(None, name="from") as source, \
            Guest(None, name="to", incoming=f"unix:{work / 'migration.sock'}") as target:
        pid = source.wait_ready().ask("hello")["pid"]
        source.migrate(target)
        assert target.wait_ready().ask("hello")["pid"] == pid


FAKE_DAEMON = """#!/usr/bin/python3
import json, os, signal, socket, sys
config = open(sys.argv[-1]).read()
if "refuse" in config:
    sys.exit(1)
open(config.split()[1] + ".argv", "w").write(json.dumps(sys.argv))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
server = socket.socket(socket.AF_UNIX)
server.bind(config.split()[1])
if "sanitizer" in config:
    print("x.c:1:2: runtime error: on purpose", file=sys.stderr)
signal.sigwait([signal.SIGTERM])
sys.exit(3 if "fault" in config else 0)
"""

FAKE_CLIENT = """#!/usr/bin/python3
import json, sys
words = sys.argv[sys.argv.index("--socket") + 2:]
if words[:1] == ["--json"]:
    words = words[1:]
answers = {
    "show status": {"rx": 10, "injected": 2, "references": 1, "tx": 8, "punted": 2, "dropped": 3, "in_flight": 0},
    "show drops": [{"name": "a", "port": None, "count": 2}, {"name": "b", "port": None, "count": 1},
                   {"name": "a", "port": "vm1", "count": 2}, {"name": "c", "port": None, "count": 0}],
    "show cores": [],
    "show groups": [{"vlan": 0, "group": "239.1.1.1", "source": "*", "port": "vm1", "mode": "exclude"}],
    "show argv": json.load(open(sys.argv[sys.argv.index("--socket") + 1] + ".argv")),
}
if words[0] == "watch":
    print("mcctl: watching", file=sys.stderr, flush=True)
    print(json.dumps({"type": "link", "port": "up0"}), flush=True)
    sys.stdin.read()
if " ".join(words) not in answers:
    print("no such verb", file=sys.stderr)
    sys.exit(1)
print(json.dumps(answers[" ".join(words)]))
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    for name, text in (("DAEMON", FAKE_DAEMON), ("CLIENT", FAKE_CLIENT)):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o755)
        monkeypatch.setattr(switch, name, path)


def test_switch_speaks_with_daemon_and_client(fake, wire):
    with switch.Switch(wire, uplinks=["up0", "up1"], guests={"vm1": {"vlan": 20}}, hugepages=False) as one:
        argv = one.ctl("show argv")
        assert "net_tap1,iface=up1" in argv and "--no-huge" in argv and "--in-memory" not in argv
        one.check_law()
        assert one.drops() == {"a": 2, "b": 1} and one.drops("vm1") == {"a": 2}
        one.wait_member("vm1", "239.1.1.1")
        with pytest.raises(LabError, match="not within"):
            one.wait_member("vm1", "239.1.1.2", timeout=0.2)
        with pytest.raises(switch.Refused, match="no such verb"):
            one.ctl("show nothing")
        one.watch().expect(type="link", port="up0")
        one.stop()


@pytest.mark.parametrize("config, reason", [({"x": "fault"}, "exit code 3"), ({"x": "sanitizer"}, "sanitizer report")])
def test_switch_stop_is_strict(fake, config, reason):
    with switch.Switch(uplinks=[], config=config, hugepages=False) as one:
        with pytest.raises(LabError, match=reason):
            one.stop()


def test_switch_that_does_not_start(fake):
    with pytest.raises(LabError, match="ended with 1"):
        switch.Switch(uplinks=[], config={"x": "refuse"}, hugepages=False)


def test_hugepages_come_and_go():
    before = int(switch.NR_HUGEPAGES.read_text())
    with Hugepages(8) as pages:
        assert pages.ok == (pages.added == 8)
    assert int(switch.NR_HUGEPAGES.read_text()) == before


CLEANUP = """
import os, signal, sys, time
sys.path.insert(0, "tests")
from lab.netns import Wire
from lab.process import Process, Workdir
wire, work = Wire(), Workdir()
wire.host("far", "10.0.0.1/24")
child = Process(["sleep", "1000"], work / "log", ns=wire)
print(child.pid, work, flush=True)
if sys.argv[1] == "exception":
    raise ValueError("on purpose")
if sys.argv[1] == "wait":
    time.sleep(60)
"""


@pytest.mark.parametrize("how", ["end", "exception", signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_cleans_up(how):
    child = subprocess.Popen([sys.executable, "-c", CLEANUP, how if isinstance(how, str) else "wait"], cwd=REPO,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    pid, work = child.stdout.readline().split()
    if not isinstance(how, str):
        child.send_signal(how)
    child.wait(20)
    child.stdout.close()
    wait_for(lambda: not alive(pid), 5, "the child's child ends")
    if how == signal.SIGKILL:
        sweep()
    assert f"mcs{child.pid}-" not in run(["ip", "netns"])
    assert not os.path.exists(work)


def test_yaml():
    text = yaml({"a": {"b": 3, "c": True}, "d": [{"e": "239.1.1.1", "f": [1, "x"]}], "g": "off", "h": [20, 30]})
    assert text == 'a:\n  b: 3\n  c: true\nd:\n  - {e: "239.1.1.1", f: [1, x]}\ng: off\nh: [20, 30]\n'


@pytest.mark.parametrize("packet, text", [
    (frames.igmp2_report("02:00:00:00:00:01", "10.0.0.1", "224.5.5.5"), "94040000160004f5e0050505"),
    (frames.igmp3_leave("02:00:00:00:00:01", "10.0.0.1", "224.5.5.5"), "940400002200"),
    (frames.igmp_query("02:00:00:00:00:01", "10.0.0.0", code=1, qrv=0, qqic=0), "940400001101eefe0000000000000000"),
], ids=["figure 6", "v3 leave", "figure 5"])
def test_builders_give_the_papers_octets(packet, text):
    assert text in bytes(packet).hex()
