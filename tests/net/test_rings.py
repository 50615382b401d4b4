# SPDX-License-Identifier: BSD-3-Clause
"""
The guests' rings as the switch drives them: shapes of buffers, lies of guests, and a front-end that talks while frames flow.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2
"""

import mmap
import os
import re
import struct
import threading

import pytest

from lab import frames

OUTSIDE, SOURCE, GROUP = "02:00:00:00:00:99", "10.0.0.99", "239.1.1.1"
MERGEABLE, EVENT_INDEX, PROTOCOL, VERSION_1 = 1 << 15, 1 << 29, 1 << 30, 1 << 32
OWN = {"vhost_rings": "own"}
NOWHERE = 1 << 40
HEADER = 12  # of a frame in a ring, virtio 1.2 5.1.6
GET_FEATURES, SET_FEATURES, SET_MEM_TABLE, SET_LOG_BASE, GET_VRING_BASE, SET_VRING_CALL, SET_VRING_ENABLE = 1, 2, 5, 6, 11, 13, 18


def join(net, *names):
    for name in names:
        guest = net.guests[name]
        guest.send(frames.igmp3_join(guest.mac, guest.ip, GROUP))
        net.switch.wait_member(name, GROUP)


def data(payload):
    return frames.udp(OUTSIDE, SOURCE, GROUP, payload)


def answered(guest):
    """Messages are served in order: what was said before is done."""
    guest.message(GET_FEATURES, timeout=5)


def broken(net, name):
    return [row for row in net.switch.ctl("show events") if row["port"] == name and "broken its ring" in row["text"]]


@pytest.mark.parametrize("rings", ["own", "library"])
@pytest.mark.parametrize("features, rx_size", [
    (VERSION_1 | MERGEABLE | PROTOCOL, 2048), (VERSION_1 | MERGEABLE | PROTOCOL, 100), (VERSION_1 | PROTOCOL, 2048),
    (MERGEABLE | PROTOCOL, 1526), (VERSION_1 | MERGEABLE, 2048)],
    ids=["mergeable", "small", "whole", "legacy", "no-protocol"])
def test_both_ways(net, rings, features, rx_size):
    """Frames of every size, in order, through every kind of ring that a driver may negotiate."""
    net = net({"vm1": {}, "vm2": {}}, config={"vhost_rings": rings}, connect=False)
    for i, name in enumerate(("vm1", "vm2"), 1):
        net.connect(name, f"10.0.0.{i}", features=features, rx_size=rx_size)
    vm1, vm2 = net.guests.values()
    join(net, "vm2")
    payloads = [bytes([65 + i % 26]) * size for i, size in enumerate((1, 18, 22, 23, 64, 470, 1000, 1471, 1472))]
    for turn in range(20):
        for payload in payloads:
            vm1.send(frames.udp(vm1.mac, vm1.ip, GROUP, payload))
        vm1.send(frames.udp(vm1.mac, vm1.ip, GROUP, b"fence %d" % turn))
        seen = vm2.collect(frames.is_payload(b"fence %d" % turn))
        seen = [frames.look(frame).payload for frame in seen if frames.is_udp_to(GROUP)(frame)]
        assert seen[-len(payloads) - 1:-1] == payloads


LIES = {
    "from nowhere": (1, [(0, NOWHERE, 100, 0, 0)]),
    "a loop": (1, [(0, 0x40000000, 1, 1, 0)]),
    "to be written": (1, [(0, 0x40000000, 100, 2, 0)]),
    "next is beyond": (1, [(0, 0x40000000, 10, 1, 999)]),
    "empty": (1, [(0, 0x40000000, 0, 0, 0)]),
    "of four GiB": (1, [(0, 0x40000000, 0xffffffff, 0, 0)]),
    "too many on offer": (0, []),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_broken_ring_costs_its_guest_alone(net, lie):
    net = net({"vm1": {}, "vm2": {}}, config=OWN)
    join(net, "vm1", "vm2")
    queue, table = LIES[lie]
    net.guests["vm1"].descriptors(queue, 0, table)
    for i in range(50):
        net.up.send(data(b"during %d" % i))
    net.switch.wait("show events", lambda _: broken(net, "vm1"), what="the event")
    net.up.send(data(b"the end"))
    seen = net.guests["vm2"].collect(frames.is_payload(b"the end"))
    assert [frames.look(f).payload for f in seen if frames.is_udp_to(GROUP)(f)] == \
        [b"during %d" % i for i in range(50)] + [b"the end"]
    assert len(broken(net, "vm1")) == 1 and not broken(net, "vm2")
    assert {row["name"]: row["ring_faults"] for row in net.switch.ctl("show ports")} == {"up0": 0, "vm1": 1, "vm2": 0}
    # Another guest on the same socket has nothing to do with it.
    net.guests.pop("vm1").kill()
    net.switch.wait_member("vm1", GROUP, member=False)
    net.connect("vm1", "10.0.0.1", mac="52:54:00:00:00:01")
    join(net, "vm1")
    net.up.send(data(b"again"))
    net.guests["vm1"].expect(frames.is_payload(b"again"))


def test_a_frame_that_no_buffer_takes_is_a_runt(net):
    """Empty, or longer than the switch's buffers: the ring goes on, and the frames are counted as received and dropped."""
    net = net({"vm1": {}, "vm2": {}}, config=OWN)
    join(net, "vm2")
    vm1, vm2 = net.guests.values()
    before = net.switch.drops().get("runt", 0)
    vm1.descriptors(1, 0, [(0, 0x40000000, HEADER, 0, 0)])
    vm1.descriptors(1, 1, [(1, 0x40000000, HEADER + 9000, 0, 0)])
    vm1.send(frames.udp(vm1.mac, vm1.ip, GROUP, b"behind"))
    vm2.expect(frames.is_payload(b"behind"))
    assert net.switch.drops()["runt"] == before + 2
    assert not broken(net, "vm1")


def memory_table(guest):
    """SET_MEM_TABLE's payload as the guest sent it first."""
    with open(f"/proc/{guest.process.pid}/maps", encoding="ascii") as maps:
        start, end = next(re.match(r"(\w+)-(\w+) rw-s .*memfd:vguest", line).groups() for line in maps if "memfd:vguest" in line)
    start, end = int(start, 16), int(end, 16)
    return struct.pack("<IIQQQQ", 1, 0, 0x40000000, end - start, start, 0)


@pytest.mark.parametrize("what", ["call", "features", "enable", "memory"])
def test_messages_while_frames_flow(net, what):
    """Whatever the front-end says meanwhile, nothing is written twice, torn or out of order, and afterwards all arrives."""
    net = net({"vm1": {}, "vm2": {}}, config=OWN)
    join(net, "vm1", "vm2")
    vm1 = net.guests["vm1"]
    features = vm1.status()["features"]
    message = {
        "call": lambda i: (SET_VRING_CALL, struct.pack("<Q", i % 2 | 0x100)),
        "features": lambda i: (SET_FEATURES, struct.pack("<Q", features)),
        "enable": lambda i: (SET_VRING_ENABLE, struct.pack("<II", 0, i % 2)),
        "memory": lambda i: (SET_MEM_TABLE, memory_table(vm1)),
    }[what]
    stop = threading.Event()

    def stream():
        n = 0
        while not stop.wait(0.0002):
            net.up.send(data(b"%08d" % n))
            n += 1

    thread = threading.Thread(target=stream, daemon=True)
    thread.start()
    for i in range(200):
        vm1.message(*message(i))
        vm1.send(frames.udp(vm1.mac, vm1.ip, GROUP, b"from vm1 %d" % i))
        if i % 10 == 0:
            answered(vm1)
    stop.set()
    thread.join()
    if what == "enable":
        vm1.message(SET_VRING_ENABLE, struct.pack("<II", 0, 1))
    answered(vm1)
    net.settle()
    for payload in (b"the end", b"really"):
        net.up.send(data(payload))
    for guest in net.guests.values():
        seen = [frames.look(f).payload for f in guest.collect(frames.is_payload(b"really")) if frames.is_udp_to(GROUP)(f)]
        numbers = [int(payload) for payload in seen if payload.isdigit()]
        assert numbers == sorted(set(numbers)) and seen[-2:] == [b"the end", b"really"]
    assert [p for p in seen if p.startswith(b"from vm1")] == [b"from vm1 %d" % i for i in range(200)]
    assert not broken(net, "vm1")


PAGE, BASE = 4096, 0x40000000
N_PAGES, LOG_SIZE = (8 << 20) // PAGE, (BASE + (8 << 20)) // PAGE // 8  # vguest/rings.h
WRITTEN = {2, 6, *range(8, 8 + 256)}  # pages that the switch may write: both used rings, the receive buffers


def guest_file(guest, name):
    """What the guest process has open under this name, mapped here too: "vguest" is its memory, "vguest-log" the dirty log."""
    pid = guest.process.pid
    fd = next(fd for fd in os.listdir(f"/proc/{pid}/fd") if os.readlink(f"/proc/{pid}/fd/{fd}") == f"/memfd:{name} (deleted)")
    with open(f"/proc/{pid}/fd/{fd}", "r+b") as file:
        return mmap.mmap(file.fileno(), 0)


@pytest.mark.parametrize("features", [VERSION_1 | MERGEABLE | PROTOCOL | EVENT_INDEX, VERSION_1 | PROTOCOL], ids=["event-index", "whole"])
def test_every_page_that_is_written_is_in_the_log(net, features):
    """While a migration is under way (VHOST_F_LOG_ALL): those that changed, and none that the switch has no business in."""
    net = net({"vm1": {}, "vm2": {}}, config=OWN, connect=False)
    for i, name in enumerate(("vm1", "vm2"), 1):
        net.connect(name, f"10.0.0.{i}", features=features)
    join(net, "vm1", "vm2")
    vm1, vm2 = net.guests.values()
    vm1.message(SET_LOG_BASE, struct.pack("<QQ", LOG_SIZE, 0), timeout=5)
    vm1.set_log_all()
    answered(vm1)
    seen = set()
    with guest_file(vm1, "vguest") as memory, guest_file(vm1, "vguest-log") as log:
        for turn in range(20):
            before = memory[:]
            log[:] = bytes(len(log))
            for i in range(20):
                vm1.send(frames.udp(vm1.mac, vm1.ip, GROUP, b"from vm1 %d %d" % (turn, i)))
                net.up.send(data(b"to vm1 %d %d " % (turn, i) * (1 + i * 5)))
            vm1.expect(frames.is_payload(b"to vm1 %d 19 " % turn * 96))
            vm2.expect(frames.is_payload(b"from vm1 %d 19" % turn))
            vm1.wait_sent()
            logged = {page for page in range(N_PAGES) if log[(BASE // PAGE + page) // 8] >> page % 8 & 1}
            changed = {page for page in WRITTEN if memory[page * PAGE:(page + 1) * PAGE] != before[page * PAGE:(page + 1) * PAGE]}
            assert changed <= logged <= WRITTEN
            seen |= changed
    assert seen == WRITTEN


@pytest.mark.parametrize("rings", ["own", "library"])
def test_a_log_with_an_offset_is_refused(net, rings):
    """CVE-2026-86563: the library would have the worker write behind the log. The connection ends, nothing else does."""
    net = net({"vm1": {}, "vm2": {}}, config={"vhost_rings": rings})
    join(net, "vm2")
    vm1, vm2 = net.guests.values()
    vm1.message(SET_LOG_BASE, struct.pack("<QQ", LOG_SIZE - PAGE, PAGE))
    vm1.wait_down()
    net.up.send(data(b"behind"))
    vm2.expect(frames.is_payload(b"behind"))


def test_the_position_is_handed_back(net):
    """GET_VRING_BASE answers with where we stopped, and a new start goes on there."""
    net = net({"vm1": {}, "vm2": {}}, config=OWN)
    join(net, "vm2")
    vm1, vm2 = net.guests.values()
    for i in range(77):
        vm1.send(frames.udp(vm1.mac, vm1.ip, GROUP, b"%d" % i))
    vm1.wait_sent()
    sent = vm1.status()["tx"]
    assert sent >= 77
    index, position = struct.unpack("<II", vm1.message(GET_VRING_BASE, struct.pack("<II", 1, 0), timeout=5)[:8])
    assert (index, position) == (1, sent % 65536)
    vm2.expect(frames.is_payload(b"76"))
    assert os.path.exists(vm1.path)
