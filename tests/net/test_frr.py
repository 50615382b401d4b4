# SPDX-License-Identifier: BSD-3-Clause
"""
A real multicast router and querier beyond the uplink: FRR's pimd, which nobody here wrote.

    source 192.168.30.9 -- eth1 router (pimd) eth0 192.168.20.10 -- br0 (kernel bridge, snooping) -- TAP up0 -- mcswitch
                                                                                                    vhost-user == vm1
                                                                                         TAP h1, a Linux kernel == h1
"""

import pytest

from lab import frames, frr
from lab.kernelhost import Member, kernel_host
from lab.netns import Netns, Wire
from lab.process import wait_for
from lab.stream import Sender
from lab.switch import Switch, available

PIMD = """
ip pim rp 192.168.30.1
interface eth0
 ip pim
 ip igmp
 ip igmp version 3
 ip igmp query-interval 5
 ip igmp query-max-response-time 10
interface eth1
 ip pim
"""
ROUTER, SOURCE = "192.168.20.10", "192.168.30.9"


class Plant:
    """The drawing above."""

    def __init__(self):
        self.wire = Wire("frr")
        self.router = self.wire.host("router", f"{ROUTER}/24")
        self.source = Netns("source")
        self.router.veth("eth1", self.source, "eth0")
        self.router.address("eth1", "192.168.30.1/24")
        self.router.sysctl("net.ipv4.ip_forward", 1)
        self.source.address("eth0", f"{SOURCE}/24")
        self.source.multicast_route("eth0")
        self.switch = Switch(self.wire, uplinks=("up0",), label="frr", eal=("--vdev", "net_tap1,iface=h1"), config={
            "vlans": [{"id": 0, "unregistered": "drop", "querier": "off"}]}, guests={
                "vm1": {"mac": "52:54:00:00:00:01"}, "h1": {"device": "net_tap1"}})
        self.wire.attach("up0")
        self.host = kernel_host(self.wire, "h1", "192.168.20.102/24")
        self.vm1 = self.switch.vguest("vm1", ip="192.168.20.101")
        self.vm1.wait_up()
        self.switch.wait("show ports", lambda ports: all(port["state"] == "up" for port in ports), timeout=10)
        self.frr = frr.Router(self.router, PIMD)
        self.wait_heard()

    def wait_heard(self, timeout=20):
        """pimd has begun to ask: what is reported from now on it hears, and the bridge knows where it is."""
        wait_for(lambda: (self.querier()["state"], self.querier()["address"]) == ("heard", ROUTER), timeout,
                 lambda: f"pimd is heard: {self.frr.show('ip igmp interface detail')}")

    def querier(self):
        return next(row for row in self.switch.ctl("show queriers") if row["family"] == "ipv4")

    def close(self):
        for one in (self.frr, self.switch, self.host, self.source, self.wire):
            one.close()


@pytest.fixture(scope="module")
def plant():
    for reason in (available(), frr.available()):
        if reason:
            pytest.skip(reason)
    plant = Plant()
    yield plant
    try:
        plant.switch.check_law()
        plant.switch.stop()
    finally:
        plant.close()


def test_pimd_is_querier_and_router_port(plant):
    row = plant.querier()
    assert (row["state"], row["address"], row["version"], row["port"], row["router_ports"]) == ("heard", ROUTER, 3, "up0", ["up0"])
    assert (row["query_interval_ms"], row["robustness"]) in ((5000, 2), (125000, 2))  # its first query comes before its configuration
    wait_for(lambda: plant.switch.ctl("show counters port up0")[0]["pim_rx"] > 0, 40, "a PIM hello")


def numbers(guest):
    return [frames.look(frame).payload for frame in guest.drain() if frames.look(frame).ip_dst == "239.1.1.1"]


def test_a_join_appears_in_its_table_and_the_stream_flows_end_to_end(plant):
    group, vm1 = "239.1.1.1", plant.vm1
    with Sender(plant.source, group, rate=200):
        assert group not in plant.frr.igmp_groups()
        vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, group))
        wait_for(lambda: group in plant.frr.igmp_groups(), 10, lambda: f"{group} in {plant.frr.igmp_groups()}")
        vm1.expect(frames.is_udp_to(group, src=SOURCE), timeout=15)
        vm1.drain()
        got = vm1.collect(lambda frame, n=iter(range(100)): frames.look(frame).ip_dst == group and next(n) == 99, timeout=10)
        streamed = [frames.look(frame).payload[:16] for frame in got if frames.look(frame).ip_dst == group]
        assert len(set(streamed)) == len(streamed) == 100
        vm1.send(frames.igmp3_leave(vm1.mac, vm1.ip, group))
        wait_for(lambda: group not in plant.frr.igmp_groups(), 15, "pimd has asked, and heard nothing")
        plant.switch.wait_member("vm1", group, member=False)


def test_a_linux_host_joins_a_source(plant):
    """(S,G) in 232/8, from the host's socket to the router's source table, and the stream back."""
    group = "232.1.1.1"
    with Member(plant.host) as member, Sender(plant.source, group, rate=200):
        member.join(group, SOURCE)
        wait_for(lambda: (SOURCE, group) in plant.frr.igmp_sources(), 10, lambda: str(plant.frr.show("ip igmp sources")))
        plant.switch.wait_member("h1", group, SOURCE)
        wait_for(lambda: len(member.received()) > 20, 15, "the stream")
        member.leave(group, SOURCE)
        wait_for(lambda: (SOURCE, group) not in plant.frr.igmp_sources(), 15, "pimd forgets the source")
        plant.switch.wait_member("h1", group, SOURCE, member=False)


def test_election_between_pimd_and_the_switch(plant):
    """The lower address asks: pimd's, then ours, and pimd's again when ours falls silent."""
    set_vlan = plant.switch.ctl
    set_vlan("set vlan 0 query_response_ms 1000")
    set_vlan("set vlan 0 query_interval_ms 5000")
    set_vlan("set vlan 0 querier_address 192.168.20.200")
    set_vlan("set vlan 0 querier on")
    assert plant.querier()["state"] == "heard"
    set_vlan("set vlan 0 querier_address 192.168.20.5")
    assert plant.querier()["state"] == "ours"

    def other():
        row = plant.frr.show("ip igmp interface detail")["eth0"]
        return row["querierIp"] == "192.168.20.5" and row["queryOtherTimer"] < "00:00:12"
    wait_for(other, 15, lambda: str(plant.frr.show("ip igmp interface detail")))  # our second query has told it our interval
    set_vlan("set vlan 0 querier off")
    plant.wait_heard()
