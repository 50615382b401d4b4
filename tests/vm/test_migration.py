# SPDX-License-Identifier: BSD-3-Clause
"""
QEMU live migration between two switches while a stream flows, and a switch that dies under running guests. Real Linux
guests; nothing here asserts how long it took, but prints it: tests/perf/migration.py measures.

Whatever the guest receives is new and right in every octet: a page that the switch wrote and did not log would be an old one over there.
More than some hundred frames a second an emulated guest does not survive: QEMU 7.2 under TCG loses writes of its own while it
moves (seen with its own TAP card, without a switch; the guest's kernel falls over). So the log is tested at speed by
tests/unit/test_ring_migration.c, without a machine.

The drawing is in lab/pair.py.
"""

import threading
import time

import pytest

from lab import frames
from lab.netns import Wire
from lab.pair import GROUP, Pair
from lab.process import wait_for
from lab.query import Querier
from lab.stream import Sender
from lab.switch import Switch, available

RATE, OTHER = 500, "239.2.2.2"
SIZE = 256  # octets of a datagram
OLD = {"igmp": {"queries": 0}}  # ESX 3.5 Update 1: nothing asks the guest but the router


@pytest.fixture
def pair():
    if available():
        pytest.skip(available())
    made = []

    def make(**kwargs):
        made.append(Pair(**kwargs))
        return made[-1]

    yield make
    for one in made:
        one.close()


def flowing(pair, n=200):
    pair.vm.reset()
    return pair.vm.wait_stream(GROUP, n=n, timeout=20)


def booted(pair, **kwargs):
    """The guest is a member and the stream flows to it."""
    pair.boot(**kwargs).join(GROUP)
    pair.here.wait_member("vm1", GROUP)
    pair.stream(RATE, size=SIZE)
    return flowing(pair)


def moved(pair, **kwargs):
    """Move; until the stream flows again. Prints and returns (QEMU's downtime in ms, datagrams lost, the arrival)."""
    flowing(pair)
    pair.forget()
    told = pair.move(**kwargs)
    row = pair.vm.wait_stream(GROUP, n=pair.vm.stream(GROUP)["packets"] + RATE // 2, timeout=30)
    arrival = pair.arrival()
    print(f"downtime {told['downtime']} ms, gap {row['lost'] * 1000 / RATE:.0f} ms; {arrival}")
    assert (row["duplicates"], row["late"], row["corrupt"]) == (0, 0, 0)
    assert checksum_errors(pair.vm) == 0
    return told["downtime"], row["lost"], arrival


def checksum_errors(vm):
    """Of IP and UDP, as the kernel counts them (Linux, /proc/net/snmp)."""
    names, values = {}, {}
    for line in vm.sh("cat /proc/net/snmp").splitlines():
        protocol, rest = line.split(":")
        if protocol in names:
            values[protocol] = dict(zip(names[protocol], map(int, rest.split())))
        else:
            names[protocol] = rest.split()
    return values["Ip"]["InHdrErrors"] + values["Udp"]["InCsumErrors"]


def finish(pair):
    for switch in pair.switches:
        switch.check_law()
        switch.stop()


@pytest.mark.parametrize("announce", ["on", "off"])
def test_there_and_back(pair, announce):
    """With guest_announce=off only the switch can heal the stream; the querier is 125 s away."""
    pair = pair(device={"guest_announce": announce})
    booted(pair)
    for _ in range(2):
        _, _, arrival = moved(pair)
        assert "vring" in arrival["detected_by"]
        assert ("rarp" in arrival["detected_by"]) == (announce == "off")
        assert arrival["rows"]["filter"] > 0 and arrival["first_answer_ms"] is not None
        assert any(row["origin"] == "snooped" for row in pair.here.groups(port="vm1", group=GROUP))
        assert pair.there.groups(port="vm1") == []
        pair.wire.wait_member(GROUP, f"up{pair.at}")
    finish(pair)


def test_with_hand_over(pair):
    """mcctl export | mcctl import: the reports are replayed before the guest has said a word."""
    pair = pair(device={"guest_announce": "off"})
    booted(pair)
    _, _, arrival = moved(pair, hand_over=True)
    assert arrival["rows"]["restored"] > 0
    assert arrival["first_replay_ms"] is not None
    finish(pair)


def test_update_1_waits_for_the_router(pair):
    """The paper's baseline: no synthetic query, no replay. The filter's rows are there; the stream comes when the router asks."""
    pair = pair(device={"guest_announce": "off"}, config=OLD)
    booted(pair)
    pair.forget()
    pair.move()
    wait_for(lambda: any(row["origin"] == "filter" for row in pair.here.groups(port="vm1")), 10, "filter rows")
    pair.vm.reset()
    with frames.Tap(pair.wire, f"up{pair.at}", direction="out") as wire:
        source = frames.Tap(pair.source, "eth0")
        source.send(frames.udp("02:00:00:00:00:09", "192.168.20.9", "224.0.0.251", b"fence"))
        before = wire.collect(frames.is_payload(b"fence"), timeout=10)
        source.close()
    assert not any(frames.is_udp_to(GROUP)(frame) for frame in before)
    assert pair.vm.stream(GROUP) is None
    pair.querier.ask()
    pair.vm.wait_stream(GROUP, n=50, timeout=30)  # its answer takes up to 10 s: as the router allows
    finish(pair)


def test_destination_already_has_the_group(pair):
    """Paper page 4: then the stream flows on at once, whoever asks or answers; and nobody there loses a frame."""
    pair = pair(device={"guest_announce": "off"}, config=OLD, others=("vm2",))
    booted(pair)
    neighbour = pair.there.vguest("vm2", mac="52:54:00:00:00:02", ip="192.168.20.102")
    neighbour.wait_up()
    neighbour.send(frames.igmp3_join(neighbour.mac, neighbour.ip, GROUP))
    pair.there.wait_member("vm2", GROUP)
    pair.wire.wait_member(GROUP, f"up{1 - pair.at}")
    neighbour.sink()
    flowing(pair)
    sent = neighbour.status()["rx"]
    told = pair.move()
    row = pair.vm.wait_stream(GROUP, n=pair.vm.stream(GROUP)["packets"] + RATE // 2, timeout=20)
    print(f"downtime {told['downtime']} ms, gap {row['lost'] * 1000 / RATE:.0f} ms")
    pair.sender.stop()
    assert neighbour.status()["rx"] > sent
    assert pair.here.drops("vm2").get("guest_ring_full", 0) == 0
    finish(pair)


def test_no_frame_of_another_guest_is_lost(pair):
    """A neighbour on each switch receives its own stream all the while, whole."""
    pair = pair(device={"guest_announce": "off"}, others=("vm2",))
    booted(pair)
    neighbours = []
    for i, switch in enumerate(pair.switches, 2):
        neighbours.append(switch.vguest("vm2", mac=f"52:54:00:00:00:0{i}", ip=f"192.168.20.10{i}"))
        neighbours[-1].wait_up()
        neighbours[-1].send(frames.igmp3_join(neighbours[-1].mac, neighbours[-1].ip, OTHER))
        switch.wait_member("vm2", OTHER)
        pair.wire.wait_member(OTHER, f"up{i - 2}")
        neighbours[-1].drain()
    count = Counter(neighbours)
    other = Sender(pair.source, OTHER, rate=200)
    moved(pair)
    moved(pair, hand_over=True)
    n = other.stop()
    wait_for(lambda: all(count.of(one) >= n for one in neighbours), 10,
             lambda: f"{n} frames: {[count.of(one) for one in neighbours]}")
    count.stop()
    assert [count.of(one) for one in neighbours] == [n, n]
    finish(pair)


class Counter:
    """Reads the frames of neighbours while the test does other things."""

    def __init__(self, guests):
        self.guests, self.n, self._stop = guests, {guest: 0 for guest in guests}, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            for guest in self.guests:
                frame = guest.recv(timeout=0.02)
                while frame is not None:
                    self.n[guest] += frames.is_udp_to(OTHER)(frame)
                    frame = guest.recv(timeout=0)

    def of(self, guest):
        return self.n[guest]

    def stop(self):
        self._stop.set()
        self._thread.join()


def test_cancelled_migration(pair):
    """The source's memberships stand, from LOG_ALL to the end of it; the stream does not notice."""
    pair = pair(device={"guest_announce": "off"})
    booted(pair)
    qmp = pair.vm.qmp
    qmp.command("migrate-set-parameters", **{"max-bandwidth": 65536})
    to = pair.incoming()
    wait_for(lambda: (pair.there.work / "incoming0").exists(), 20, "the destination listens", alive=to.process)
    flowing(pair)
    qmp.command("migrate", uri=f"unix:{pair.there.work}/incoming0")
    told(pair, "begins to move out")
    assert pair.here.groups(port="vm1", group=GROUP)[0]["origin"] == "snooped"
    qmp.command("migrate_cancel")
    wait_for(lambda: qmp.command("query-migrate").get("status") in ("cancelled", "failed"), 20, "cancelled")
    told(pair, "stays")
    row = pair.vm.wait_stream(GROUP, n=pair.vm.stream(GROUP)["packets"] + RATE // 2)
    print(f"lost while it was tried and cancelled: {row['lost']}")
    assert pair.here.groups(port="vm1", group=GROUP)[0]["origin"] == "snooped"
    assert not any(event.get("migration") for event in pair.here.ctl("show events"))
    to.kill()
    finish(pair)


def test_cancelled_when_the_guest_has_stopped(pair):
    """QEMU has taken the rings away already; when the source runs on, its memberships are there at once."""
    pair = pair(device={"guest_announce": "off"})
    booted(pair)
    qmp = pair.vm.qmp
    qmp.command("migrate-set-parameters", **{"max-bandwidth": 65536})
    to = pair.incoming()
    wait_for(lambda: (pair.there.work / "incoming0").exists(), 20, "the destination listens", alive=to.process)
    qmp.command("migrate", uri=f"unix:{pair.there.work}/incoming0")
    told(pair, "begins to move out")
    qmp.command("stop")
    told(pair, "has moved out")
    assert pair.here.groups(port="vm1", group=GROUP) == []
    qmp.command("migrate_cancel")
    wait_for(lambda: qmp.command("query-migrate").get("status") in ("cancelled", "failed"), 20, "cancelled")
    qmp.command("cont")
    flowing(pair)
    arrival = pair.arrival()
    print(arrival)
    assert arrival["rows"]["restored"] > 0 and {"vring", "qmp"} <= set(arrival["detected_by"])
    to.kill()
    finish(pair)


def told(pair, word):
    wait_for(lambda: any(word in event["text"] for event in pair.here.ctl("show events")), 15, word)


def test_reboot_is_no_migration(pair):
    """The machine is reset: its kernel boots anew on fresh rings; what it had is gone, and there is no burst."""
    pair = pair()
    booted(pair, qemu=("-action", "reboot=reset"))
    pair.vm.qmp.command("system_reset")
    pair.here.wait_member("vm1", GROUP, member=False, timeout=30)
    pair.here.wait("show ports", lambda ports: all(port["state"] == "up" for port in ports), timeout=60)
    pair.vm.wait_ready()
    assert not [event for event in pair.here.ctl("show events") if event["type"] in ("migration", "burst")]
    finish(pair)


# ---- the switch dies ----

@pytest.mark.parametrize("known", [True, False], ids=["the physical switch still knows", "nobody knows"])
def test_switch_killed_under_two_guests(known):
    """
    SIGKILL, and a new process on the same uplink; QEMU owns the sockets. The uplink is a veth, which like a NIC outlives the process.

        source, router -- br0 -- port0 = up0 (af_packet) -- mcswitch == vm1, vm2 (QEMU, mode client)
    """
    if available():
        pytest.skip(available())
    with Wire("restart") as wire:
        router, source = wire.host("router", "192.168.20.1/24"), wire.host("source", "192.168.20.9/24")
        wire.veth("up0", wire, "port0")
        wire.link("set", "port0", "master", wire.BRIDGE)
        source.software_checksums("eth0")
        macs = {"vm1": "52:54:00:a2:7d:63", "vm2": "52:54:00:a2:7d:64"}
        guests = {name: {"mac": mac, "mode": "client"} for name, mac in macs.items()}
        with Querier(router, "eth0", "192.168.20.1", interval=125.0, response=10.0), \
                Switch(wire, uplinks={"up0": "net_af_packet0,iface=up0"}, guests=guests, start=False) as switch:
            vms = [switch.vm(name, ip=f"192.168.20.10{i}/24") for i, name in enumerate(macs, 1)]
            switch.start()
            for vm in vms:
                vm.wait_ready().join(GROUP)
                switch.wait_member(vm.name, GROUP)
            with Sender(source, GROUP, rate=RATE):
                for vm in vms:
                    vm.wait_stream(GROUP, n=100)
                saved = switch.work / "state.json"
                wait_for(lambda: all(f'"{name}"' in saved.read_text() for name in macs if saved.exists()) and saved.exists(),
                         10, "both are saved")
                switch.kill()
                if not known:
                    wire.link("set", "port0", "nomaster")
                    wire.link("set", "port0", "master", wire.BRIDGE)
                for vm in vms:
                    vm.reset()
                restart_timed(switch, vms)
            switch.check_law()
            switch.stop()


def restart_timed(switch, vms):
    """Prints how long after the process serves each guest has its first frame."""
    begin = switch.log.stat().st_size
    serving = []

    def watch():
        while not serving:
            if b"serving" in switch.log.read_bytes()[begin:]:
                serving.append(time.time())
            time.sleep(0.001)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    switch.start()
    thread.join(5)
    for vm in vms:
        vm.wait_stream(GROUP, n=100, timeout=20)

    def summaries():
        return {event["port"]: event for event in switch.ctl("show events") if event.get("migration")}
    wait_for(lambda: len(summaries()) == len(vms), 15, "both arrivals told", every=0.2)
    starts = {event["port"]: event["time_ms"] for event in switch.ctl("show events") if "has moved in" in event["text"]}
    for vm in vms:
        arrival = summaries()[vm.name]["migration"]
        after = starts[vm.name] / 1000 - serving[0]
        print(f"{vm.name}: connected {after * 1000:.0f} ms after serving, first frame {arrival['first_frame_ms']:.1f} ms later; {arrival}")
        assert arrival["rows"]["restored"] >= 1
        assert "vring" in arrival["detected_by"]
