# SPDX-License-Identifier: BSD-3-Clause
"""
Bad frames: each is counted under a name, none makes anybody a member, and the guest that sent them goes on working.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1
"""

import pytest

from lab import frames

GROUP = "239.1.1.1"
NAMES = {
    "igmp checksum": "checksum",
    "ip checksum": "ip_checksum",
    "ip version": "bad_ip",
    "ip header length under 20": "ip_header",
    "ip header length over the frame": "ip_header",
    "ip total length over the frame": "truncated",
    "ip total length under the header": "ip_header",
    "igmp cut to 4 octets": "length",
    "fragment": "fragment",
    "more fragments": "fragment",
    "record count over the packet": "record",
    "sources past the end": "record",
    "auxiliary data past the end": "record",
    "v3 report cut to 8 octets": "record",
    "frame cut in the IP header": "bad_ip",
}


def test_every_malformed_frame_has_a_counter(net):
    net = net({"vm1": {}})
    vm1 = net.guests["vm1"]
    bad = frames.malformed(vm1.mac, vm1.ip, GROUP)
    assert set(bad) == set(NAMES)
    for what, frame in bad.items():
        before = net.switch.drops()
        vm1.send(frame)
        net.settle()
        after = net.switch.wait("show drops", lambda rows: {
            row["name"]: row["count"] for row in rows if row["port"] is None and row["count"]} != before, what=what)
        after = {row["name"]: row["count"] for row in after if row["port"] is None and row["count"]}
        changed = {name for name in after if after[name] != before.get(name, 0)}
        assert changed == {NAMES[what]}, what
    assert net.switch.groups(group=GROUP) == []
    vm1.send(frames.igmp2_report(vm1.mac, vm1.ip, GROUP))
    net.switch.wait_member("vm1", GROUP)


@pytest.mark.parametrize("validation, joins", [("lenient", True), ("strict", False)])
@pytest.mark.parametrize("odd", [{"ttl": 64}, {"alert": False}], ids=["ttl", "router-alert"])
def test_validation(net, validation, joins, odd):
    net = net({"vm1": {}}, config={"vlans": [{"id": 0, "validation": validation}]})
    vm1 = net.guests["vm1"]
    vm1.send(frames.igmp2_report(vm1.mac, vm1.ip, GROUP, **odd))
    if joins:
        net.switch.wait_member("vm1", GROUP)
        net.up.expect(frames.is_report(GROUP))
    else:
        net.switch.wait("show drops", lambda rows: any(row["name"] == "strict" and row["count"] == 1 for row in rows))
        assert net.switch.groups(group=GROUP) == []


def test_report_flood_is_limited_before_anything_reads_it(net):
    """threats.md: a token bucket a guest. The other guest joins as if nothing were."""
    net = net({"vm1": {"limits": {"reports_per_s": 50}}, "vm2": {}})
    vm1, vm2 = net.guests.values()
    vm1.send([frames.igmp2_report(vm1.mac, vm1.ip, f"239.9.{i}.1") for i in range(200)])
    vm2.send(frames.igmp2_report(vm2.mac, vm2.ip, GROUP))
    net.switch.wait_member("vm2", GROUP)
    net.settle()
    assert net.switch.drops()["report_rate"] >= 100
    assert len(net.switch.groups(port="vm1")) <= 100


def test_quota_of_groups(net):
    net = net({"vm1": {"limits": {"groups": 3}}, "vm2": {}})
    vm1, vm2 = net.guests.values()
    for guest in (vm1, vm2):
        guest.send([frames.igmp2_report(guest.mac, guest.ip, f"239.9.{i}.1") for i in range(5)])
    net.switch.wait("show groups", lambda rows: len([row for row in rows if row["port"] == "vm2"]) == 5)
    assert len(net.switch.groups(port="vm1")) == 3
    assert net.switch.drops()["quota_groups"] == 2
