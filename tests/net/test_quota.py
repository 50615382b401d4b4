# SPDX-License-Identifier: BSD-3-Clause
"""
One guest's excess costs nobody else anything (threats.md).

    test, as a source --raw-- TAP up0 -- mcswitch == vhost-user == vm1 (greedy), vm2, vm3
"""

import os
import re
from pathlib import Path

import pytest

from lab import frames, groupmsg

ROUTER = "02:00:00:00:00:99"
FENCE_GROUP = "224.0.0.251"
N_GROUPS, PER_REPORT, QUOTA = 1_000_000, 180, 1024
GROUPS = [f"239.200.0.{i}" for i in range(1, 21)]


def resident_kb(switch):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{switch.process.pid}/status").read_text()).group(1))


def reports(guest, n_groups):
    """Reports that join so many groups, as many records in each as fit."""
    for start in range(0, n_groups, PER_REPORT):
        yield groupmsg.report3(guest.mac, guest.ip, [
            (frames.TO_EX, f"{225 + (i >> 18)}.{i >> 10 & 255}.{i >> 2 & 255}.{i & 3}", [])
            for i in range(start, min(start + PER_REPORT, n_groups))])


class Stream:
    """Numbered frames to the groups of vm2 and vm3, taken by both as they come."""

    def __init__(self, net):
        self.net, self.n_sent, self.n_fences = net, 0, 0
        self.got = {"vm2": [], "vm3": []}

    def go_on(self):
        """A frame to each group; what has come of those before is taken."""
        for group in GROUPS:
            self.n_sent += 1
            self.net.up.send(frames.udp(ROUTER, "10.9.0.1", group, b"%08d" % self.n_sent))
        self.n_fences += 1
        end = b"fence %d" % self.n_fences
        self.net.up.send(frames.udp(ROUTER, "10.9.0.9", FENCE_GROUP, end))
        for name, got in self.got.items():
            seen = self.net.guests[name].collect(frames.is_payload(end), timeout=30)[:-1]
            got += [frames.look(frame).payload for frame in seen if frames.look(frame).dport]

    def is_whole(self):
        return all(got == [b"%08d" % i for i in range(1, self.n_sent + 1)] for got in self.got.values())


def test_a_guest_reports_a_million_groups(net):
    """As fast as it can: the others lose no frame and no membership, memory stays within the quota, and it is told once."""
    net = net({"vm1": {"limits": {"groups": QUOTA, "reports_per_s": 0}}, "vm2": {}, "vm3": {}})
    watch, vm1 = net.switch.watch(), net.guests["vm1"]
    for name in ("vm2", "vm3"):
        guest = net.guests[name]
        guest.send(groupmsg.report3(guest.mac, guest.ip, [(frames.TO_IN, group, ["10.9.0.1"]) for group in GROUPS]))
    net.settle()
    others = [(row["port"], row["group"]) for row in net.switch.ctl("show groups") if row["port"] != "vm1"]
    before, stream, most = resident_kb(net.switch), Stream(net), [0]
    for i, report in enumerate(reports(vm1, N_GROUPS)):
        vm1.send(report)
        if i % 500 == 0:
            stream.go_on()
            most[0] = max(most[0], resident_kb(net.switch))
    net.settle()
    stream.go_on()
    assert stream.is_whole()
    assert [(row["port"], row["group"]) for row in net.switch.ctl("show groups") if row["port"] != "vm1"] == others
    assert len(net.switch.groups(port="vm1")) == QUOTA
    n_reports = -(-N_GROUPS // PER_REPORT)
    drops = {**net.switch.drops("vm1")}
    taken = n_reports - net.switch.drops().get("punt_full", 0)
    assert drops["quota_groups"] == taken - QUOTA // PER_REPORT  # a report is refused with its first group too many
    assert len([event for event in watch.events() if event["type"] == "quota"]) == 1
    assert watch.expect(type="quota")["port"] == "vm1"
    grown = max(most[0], resident_kb(net.switch)) - before
    print(f"{N_GROUPS} groups reported, {QUOTA} taken: {grown} KiB more")
    if net.switch.hugepages.ok and "asan" not in os.environ.get("MCS_BUILD", ""):
        assert grown < 4096


def test_reports_over_the_rate_are_dropped_before_they_are_read(net):
    net = net({"vm1": {"limits": {"reports_per_s": 10}}, "vm2": {}})
    vm1, vm2 = net.guests["vm1"], net.guests["vm2"]
    vm1.send([groupmsg.report3(vm1.mac, vm1.ip, [(frames.TO_EX, f"239.1.1.{i}", [])]) for i in range(1, 201)])
    vm2.send(groupmsg.report3(vm2.mac, vm2.ip, [(frames.TO_EX, "239.2.2.2", [])]))
    net.settle()
    net.switch.wait_member("vm2", "239.2.2.2")
    n_rows = len(net.switch.groups(port="vm1"))
    assert n_rows >= 10 and net.switch.drops()["report_rate"] == 200 - n_rows


def test_too_many_sources_become_exclude_nothing(net):
    """More than was asked for, never less; counted, and another guest's list stays exact."""
    net = net({"vm1": {"limits": {"sources": 4}}, "vm2": {}})
    for name, n in (("vm1", 5), ("vm2", 5)):
        guest = net.guests[name]
        guest.send(frames.igmp3_join(guest.mac, guest.ip, "239.1.1.1", [f"10.9.0.{i}" for i in range(1, n + 1)]))
    net.settle()
    assert [(row["source"], row["mode"]) for row in net.switch.groups(port="vm1")] == [("*", "exclude")]
    assert len(net.switch.groups(port="vm2")) == 5
    assert net.switch.ctl("show counters port vm1")[0]["sources_capped"] == 1
    assert net.switch.ctl("show counters port vm2")[0]["sources_capped"] == 0
    net.up.send([frames.udp(ROUTER, "10.9.0.99", "239.1.1.1", b"unlisted"), frames.udp(ROUTER, "10.9.0.1", "239.1.1.1", b"listed")])
    net.guests["vm1"].expect(frames.is_payload(b"unlisted"))
    net.guests["vm2"].expect_none(frames.is_payload(b"unlisted"), frames.is_payload(b"listed"))
