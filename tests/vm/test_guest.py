# SPDX-License-Identifier: BSD-3-Clause
"""
Real Linux guests: what their kernels send and expect is what is tested.

    router, source (namespaces) -- br0 (kernel bridge, snooping) -- TAP up0 -- mcswitch == vhost-user == vm1, vm2 (QEMU)
"""

import time

import pytest

from lab.netns import Wire
from lab.query import Querier
from lab.stream import Receiver, Sender
from lab.switch import Switch, available
from lab.process import wait_for

GROUP, RATE = "239.1.1.1", 200
MACS = {"vm1": "52:54:00:a2:7d:63", "vm2": "52:54:00:a2:7d:64"}


class Plant:
    """The drawing above, with a router that asks often enough for a test."""

    def __init__(self, vlans=None):
        self.wire = Wire("vm")
        self.router = self.wire.host("router", "192.168.20.1/24")
        self.source = self.wire.host("source", "192.168.20.9/24")
        self.querier = Querier(self.router, "eth0", "192.168.20.1", interval=20.0)
        self.switch = Switch(self.wire, uplinks=("up0",), guests={name: {"mac": mac} for name, mac in MACS.items()},
                             config={"vlans": vlans} if vlans else None)
        self.wire.attach("up0")
        self.vm1 = self.switch.vm("vm1", ip="192.168.20.101/24,fd00::101/64")
        self.vm2 = self.switch.vm("vm2", ip="192.168.20.102/24,fd00::102/64")
        for vm in (self.vm1, self.vm2):
            vm.wait_ready()

    def close(self):
        self.switch.close()
        self.querier.close()
        self.wire.close()


@pytest.fixture(scope="module")
def plant():
    if available():
        pytest.skip(available())
    plant = Plant([{"id": 0, "unregistered": "drop"}])
    yield plant
    try:
        plant.switch.check_law()
        plant.switch.stop()
    finally:
        plant.close()


@pytest.fixture(autouse=True)
def law(plant):
    yield
    plant.switch.check_law()
    for vm in (plant.vm1, plant.vm2):
        vm.forget()


def ring_losses(plant, name):
    """Frames that the guest's own full ring has cost it: an emulated guest may not get its core for long."""
    return next(port["tx_dropped"] for port in plant.switch.ctl("show ports") if port["name"] == name)


def whole_stream(plant, guest, n):
    """n frames or more in a row: none twice, none late, none lost that the guest had room for."""
    before = ring_losses(plant, guest.name)
    guest.reset()
    row = guest.wait_stream(GROUP, n=n)
    assert (row["duplicates"], row["late"]) == (0, 0)
    assert row["lost"] <= ring_losses(plant, guest.name) - before


def quiet(guest, sender_is_running=0.6):
    """What waits in the guest's ring is taken; from then on, while the source goes on sending, nothing reaches its card."""
    guest.wait_drained(GROUP)
    guest.reset()
    end = time.monotonic() + sender_is_running
    while time.monotonic() < end:
        assert guest.seen(GROUP) == 0
    return True


def test_join_receive_leave(plant):
    with Sender(plant.source, GROUP, rate=RATE):
        quiet(plant.vm1)
        plant.vm1.join(GROUP)
        plant.switch.wait_member("vm1", GROUP)
        whole_stream(plant, plant.vm1, 200)
        quiet(plant.vm2)
        plant.wire.wait_member(GROUP, "up0")
        plant.vm1.leave(GROUP)
        plant.switch.wait_member("vm1", GROUP, member=False)
        quiet(plant.vm1)


@pytest.mark.parametrize("version", [2, 3])
def test_versions_of_igmp(plant, version):
    """force_igmp_version in the guest's kernel; the row says what was heard."""
    plant.vm2.sh(f"echo {version} > /proc/sys/net/ipv4/conf/eth0/force_igmp_version")
    plant.vm2.join(GROUP)
    rows = plant.switch.wait_member("vm2", GROUP)
    assert [row["version"] for row in rows if row["port"] == "vm2" and row["group"] == GROUP] == [version]
    plant.vm2.leave(GROUP)
    plant.switch.wait_member("vm2", GROUP, member=False)
    plant.vm2.sh("echo 0 > /proc/sys/net/ipv4/conf/eth0/force_igmp_version")


def test_both_join_and_one_leaves(plant):
    with Sender(plant.source, GROUP, rate=RATE):
        for vm in (plant.vm1, plant.vm2):
            vm.join(GROUP)
            vm.reset()
        plant.vm1.wait_stream(GROUP, n=100)
        plant.vm2.wait_stream(GROUP, n=100)
        plant.vm1.leave(GROUP)
        plant.switch.wait_member("vm1", GROUP, member=False)
        quiet(plant.vm1)
        whole_stream(plant, plant.vm2, 100)
        plant.vm2.leave(GROUP)


def test_guest_to_guest_and_beyond(plant):
    """What a guest sends reaches the other guest that joined and a host beyond the uplink that joined."""
    outside = Receiver(plant.router, GROUP)
    plant.vm2.join(GROUP)
    plant.switch.wait_member("vm2", GROUP)
    plant.vm2.reset()
    plant.vm1.send(GROUP, rate=200, count=200)
    row = plant.vm2.wait_stream(GROUP, n=200)
    assert (row["lost"], row["duplicates"]) == (0, 0)
    plant.vm1.stop_sending()
    assert outside.stop()[GROUP]["packets"] == 200
    plant.vm2.leave(GROUP)


def test_guests_ping_each_other_and_the_router(plant):
    assert plant.vm1.ping("192.168.20.102")
    assert plant.vm1.ping("192.168.20.1")
    assert plant.vm2.ping("192.168.20.101")


def test_ipv6_works_with_unregistered_drop(plant):
    """RFC 4541 3: snooping never breaks neighbour discovery."""
    assert plant.vm1.ping("fd00::102")
    assert plant.vm2.ping("fd00::101")


def test_synthetic_query_is_answered(plant):
    """mcctl query: the guest answers at once, and its answer goes out to the physical switch."""
    plant.vm1.join(GROUP)
    plant.switch.wait_member("vm1", GROUP)
    before = plant.switch.ctl("show status")["punted"]
    plant.switch.ctl("query vm1")
    wait_for(lambda: plant.switch.ctl("show status")["punted"] > before, 5, "an answer")
    plant.vm1.leave(GROUP)
    plant.switch.wait_member("vm1", GROUP, member=False)
