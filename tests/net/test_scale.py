# SPDX-License-Identifier: BSD-3-Clause
"""
Many groups.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1 .. vm8
"""

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from lab import frames, groupmsg
from lab.process import BUILD, run, wait_for
from lab.rpc import Rpc

N_GROUPS, N_GUESTS, PER_REPORT = 10_000, 8, 150


def group(i):
    return f"239.{10 + i // 65536}.{i // 256 % 256}.{i % 256}"


def resident_kb(switch):
    """VmRSS: without hugepages, so without DPDK's own memory."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{switch.process.pid}/status").read_text()).group(1))


def joined(net, guest, n_groups, per_report, sources=(), at_once=1000):
    """Reports of so many groups, `at_once` reports before the switch is waited for: what they replace is freed meanwhile."""
    kind = frames.TO_IN if sources else frames.TO_EX
    for n, start in enumerate(range(0, n_groups, per_report)):
        if n % at_once == at_once - 1:
            net.settle()
        guest.send(groupmsg.report3(guest.mac, guest.ip, [(kind, group(i), sources)
                                                          for i in range(start, min(start + per_report, n_groups))]))
    net.settle()


@pytest.mark.skipif("asan" in os.environ.get("MCS_BUILD", ""), reason="AddressSanitizer's memory is not the switch's")
def test_ten_thousand_groups_with_eight_members_fit_16_mb(net):
    limits = {"groups": N_GROUPS + 10, "reports_per_s": 100000}
    net = net({f"vm{i}": {"limits": limits} for i in range(1, N_GUESTS + 1)})
    if not net.switch.hugepages.ok:
        pytest.skip("no hugepages: the resident size would include DPDK's memory")
    before = resident_kb(net.switch)
    for guest in net.guests.values():
        joined(net, guest, N_GROUPS, PER_REPORT, at_once=10)
    rows = N_GROUPS * N_GUESTS
    status = net.switch.wait("show status", lambda status: status["rows"] >= rows, timeout=20)
    assert status["groups"] == N_GROUPS
    grown = [0]

    def fits():  # a save of the state may be under way
        grown[0] = resident_kb(net.switch) - before
        return grown[0] < 16 * 1024
    wait_for(fits, 5, lambda: f"less than 16 MB; it is {grown[0]} KiB")
    print(f"{rows} rows in {N_GROUPS} groups: {grown[0]} KiB, {grown[0] * 1024 / rows:.0f} octets a row")
    net.up.send(frames.udp("02:00:00:00:00:99", "10.0.0.99", group(N_GROUPS - 1), b"the last one"))
    for guest in net.guests.values():
        guest.expect(frames.is_payload(b"the last one"))


N_SOURCE_ROWS, N_SOURCES = 65_536, 4


@pytest.mark.skipif("asan" in os.environ.get("MCS_BUILD", ""), reason="AddressSanitizer's pace and memory are not the switch's")
def test_65536_rows_of_four_sources(net):
    """8 guests want 8,192 groups each from four sources of their own: every row is exact, and a change costs what it costs in an empty table."""
    n_groups = N_SOURCE_ROWS // N_GUESTS
    limits = {"groups": n_groups + 10, "reports_per_s": 0}
    net = net({f"vm{i}": {"limits": limits} for i in range(1, N_GUESTS + 1)}, config={"vlans": [{"id": 0, "unregistered": "drop"}]})
    before, begin = resident_kb(net.switch), time.monotonic()
    for k, guest in enumerate(net.guests.values(), 1):
        joined(net, guest, n_groups, 50, [f"10.{k}.0.{i}" for i in range(1, N_SOURCES + 1)])
    status = net.switch.wait("show status", lambda status: status["rows"] == N_SOURCE_ROWS, timeout=30)
    assert status["groups"] == n_groups
    print(f"{N_SOURCE_ROWS} rows with {N_SOURCES} sources: {time.monotonic() - begin:.1f} s, "
          f"{(resident_kb(net.switch) - before) * 1024 / N_SOURCE_ROWS:.0f} octets a row, group table included")
    for i in (0, n_groups // 2, n_groups - 1):
        for k, source in ((1, "10.1.0.1"), (8, "10.8.0.4"), (None, "10.9.0.1")):
            payload = f"{source} to {group(i)}".encode()
            net.up.send([frames.udp("02:00:00:00:00:99", source, group(i), payload),
                         frames.udp("02:00:00:00:00:99", source, "224.0.0.251", b"behind " + payload)])
            for name, guest in net.guests.items():
                seen = [frames.look(frame).payload for frame in guest.collect(frames.is_payload(b"behind " + payload))[:-1]]
                assert seen == ([payload] if name == f"vm{k}" else []), name


@pytest.mark.skipif("asan" in os.environ.get("MCS_BUILD", ""), reason="AddressSanitizer's pace is not the switch's")
def test_joins_and_leaves_a_second(net):
    """One group a message, join and leave, among 10,000 groups that stay. The figure is printed; that none is lost is asserted."""
    limits = {"groups": 30_000, "reports_per_s": 0}
    net = net({"vm1": {"limits": limits}, "vm2": {"limits": limits}}, uplinks=(),
              config={"vlans": [{"id": 0, "fast_leave": True, "querier": "off"}]})
    vm1, vm2 = net.guests["vm1"], net.guests["vm2"]
    joined(net, vm2, N_GROUPS, PER_REPORT, [])
    before = net.switch.ctl("show status")["punts_handled"]
    pairs = [(groupmsg.report3(vm1.mac, vm1.ip, [(frames.TO_EX, group(i), [])]),
              groupmsg.report3(vm1.mac, vm1.ip, [(frames.TO_IN, group(i), [])])) for i in range(1000)]
    n_sent, rounds, begin = 0, 40, time.monotonic()
    with Rpc(net.switch.socket) as rpc:
        for _ in range(rounds):
            for start in range(0, len(pairs), 200):  # no more at once than the ring to control holds
                vm1.send(sum(map(list, pairs[start:start + 200]), []))
                n_sent += 400
                wait_for(lambda: rpc.call("status")["punts_handled"] - before >= n_sent, 10, f"{n_sent} are handled", every=0)
    rate = n_sent / (time.monotonic() - begin)
    assert net.switch.drops().get("punt_full", 0) == 0
    assert net.switch.groups(port="vm1") == []
    counters = net.switch.ctl("show counters port vm1")[0]["igmp"]
    assert counters["reports_rx"]["v3"] == n_sent
    print(f"{rate:.0f} joins and leaves a second")


def instructions(what, rows):
    """What tests/sim/cost.c counts: the same in every run, however busy the machine is."""
    done = run(["valgrind", "--log-fd=1", "--tool=callgrind", "--toggle-collect=measured*", "--callgrind-out-file=/dev/null",
                BUILD / "tests/sim/cost", what, rows], timeout=150)
    return int(re.search(r"Collected : (\d+)", done).group(1))


@pytest.mark.skipif("asan" in os.environ.get("MCS_BUILD", ""), reason="valgrind does not run what AddressSanitizer has built")
def test_a_report_costs_the_same_among_any_number_of_groups():
    """A join, a refresh, a BLOCK and a leave among 128 groups and among 8,192: chains of a hash table differ by chance, no more."""
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is missing: apt-get install valgrind")
    few, many = instructions("report", 1024), instructions("report", 65_536)
    print(f"{few / 512:.0f} instructions a report among 1,024 rows, {many / 512:.0f} among 65,536")
    assert 0 < many < 1.02 * few


@pytest.mark.skipif("asan" in os.environ.get("MCS_BUILD", ""), reason="valgrind does not run what AddressSanitizer has built")
def test_a_timer_costs_the_same_among_any_number_of_rows():
    """The whole life of a row of four sources, to the end by its timers."""
    if not shutil.which("valgrind"):
        pytest.skip("valgrind is missing: apt-get install valgrind")
    few, many = instructions("lives", 1024) / 1024, instructions("lives", 16_384) / 16_384
    print(f"{few:.0f} instructions a life among 1,024 rows, {many:.0f} among 16,384")
    assert 0 < many < 1.05 * few
