# SPDX-License-Identifier: BSD-3-Clause
"""
What Linux says and expects: hosts of every version of IGMP and MLD, smcroute, and a kernel bridge that asks.

    router, source (namespaces) -- br0 (kernel bridge, snooping) -- TAP up0 -- mcswitch == TAPs h1, h2, h3 == Linux kernels

h1 and h2 are forced to older versions; h3 speaks IGMPv3 and MLDv2. QEMU guests with drivers of their own are in tests/vm.
"""

import shutil

import pytest

from lab import frames
from lab.frames import Tap
from lab.kernelhost import PORT, Member, kernel_host
from lab.netns import Wire
from lab.process import Workdir, wait_for
from lab.switch import Switch, available

HOSTS = {"h1": dict(igmp=1, mld=1), "h2": dict(igmp=2, mld=1), "h3": dict(igmp=0, mld=0)}
TIMERS = {"robustness": 6, "query_interval_ms": 2000, "query_response_ms": 500, "last_member_interval_ms": 200}
SOURCES = {4: ["192.168.20.9", "192.168.20.10"], 6: ["fd00::9", "fd00::10"]}
MAC = "02:00:00:00:00:09"


class Plant:
    """The drawing above; the switch is the querier of its guests."""

    def __init__(self):
        self.wire = Wire("linux")
        self.source = self.wire.host("source", *(f"{a}/24" for a in SOURCES[4]))
        names = list(HOSTS)
        eal = [word for i, name in enumerate(names, 1) for word in ("--vdev", f"net_tap{i},iface={name}")]
        self.switch = Switch(self.wire, uplinks=("up0",), label="linux", eal=eal, guests={
            name: {"device": f"net_tap{i}"} for i, name in enumerate(names, 1)}, config={
                "vlans": [{"id": 0, "unregistered": "drop", "timers": TIMERS}]})
        self.wire.attach("up0")
        self.tap = Tap(self.source, "eth0")
        self.hosts = {name: kernel_host(self.wire, name, f"192.168.20.10{i}/24", f"fd00::10{i}/64", **versions)
                      for i, (name, versions) in enumerate(HOSTS.items(), 1)}
        self.switch.wait("show ports", lambda ports: all(port["state"] == "up" for port in ports), timeout=10)
        self.n_sent = 0

    def send(self, group, source=0):
        """A frame from one of the sources; its payload."""
        self.n_sent += 1
        payload = b"%08d" % self.n_sent
        address = SOURCES[6 if ":" in group else 4][source]
        self.tap.send(frames.udp(MAC, address, group, payload, port=PORT))
        return payload

    def version(self, port, group):
        return next((row["version"] for row in self.switch.groups(port=port, group=group)), None)

    def counters(self, port):
        return self.switch.ctl(f"show counters port {port}")[0]

    def close(self):
        for one in (self.switch, *self.hosts.values(), self.tap, self.wire):
            one.close()


@pytest.fixture(scope="module")
def plant():
    if available():
        pytest.skip(available())
    plant = Plant()
    yield plant
    try:
        plant.switch.check_law()
        plant.switch.stop()
    finally:
        plant.close()


def reaches(plant, members, group, wanted, source=0):
    """A frame from the source comes to exactly these members' sockets, once."""
    payload = plant.send(group, source)
    for name in wanted:
        wait_for(lambda name=name: payload in members[name].received(), 5, f"{payload} at {name}")
    assert {name: member.received().count(payload) for name, member in members.items()} == {
        name: int(name in wanted) for name in members}


@pytest.mark.parametrize("group, versions", [("239.1.1.1", (1, 2, 3)), ("ff15::1:1", (1, 1, 2))], ids=["igmp", "mld"])
def test_hosts_of_every_version(plant, group, versions):
    """
    Each joins as it may, answers the switch's queries, and is forgotten when it has gone. A host of version 1 may take ten seconds to
    answer, hence the robustness.
    """
    v6 = ":" in group
    kind = "mld" if v6 else "igmp"
    members = {name: Member(host, v6=v6) for name, host in plant.hosts.items()}
    before = {name: plant.counters(name)[kind]["reports_rx"] for name in members}
    try:
        for name, member in members.items():
            member.join(group)
            plant.switch.wait_member(name, group)
        assert tuple(plant.version(name, group) for name in members) == versions
        reaches(plant, members, group, list(members))
        n_queries = plant.counters("h1")[kind]["queries_tx"]
        key = f"v{2 if v6 else 3}"
        wait_for(lambda: plant.counters("h1")[kind]["queries_tx"][key] >= n_queries[key] + 3, 15, "three more queries")
        reaches(plant, members, group, list(members))
        for name, version in zip(members, versions):
            after = plant.counters(name)[kind]["reports_rx"]
            assert {v for v in after if after[v] > before[name][v]} == {f"v{version}"}
    finally:
        for member in members.values():
            member.close()
    plant.switch.ctl("set vlan 0 robustness 2")  # version 1 of IGMP has no leave: the row expires, now sooner
    for name in members:
        plant.switch.wait_member(name, group, member=False, timeout=15)
    plant.switch.ctl("set vlan 0 robustness 6")


@pytest.mark.parametrize("group, family", [("232.1.1.1", 4), ("239.3.3.3", 4), ("ff3e::1:1", 6)], ids=["232/8", "any", "ff3e::/32"])
def test_source_lists_of_a_socket(plant, group, family):
    """Joins with a source, as mcjoin makes them: INCLUDE lists grow and shrink by what two sockets of a host ask for."""
    first, second = SOURCES[family]
    with Member(plant.hosts["h3"], v6=family == 6) as one, Member(plant.hosts["h3"], v6=family == 6) as two:
        one.join(group, first)
        plant.switch.wait_member("h3", group, first)
        two.join(group, second)
        plant.switch.wait_member("h3", group, second)
        reaches(plant, {"h3": one}, group, ["h3"], 0)
        reaches(plant, {"h3": two}, group, ["h3"], 1)
        one.leave(group, first)
        plant.switch.wait_member("h3", group, first, member=False)
        plant.switch.wait_member("h3", group, second)
    plant.switch.wait_member("h3", group, second, member=False, timeout=10)


@pytest.mark.parametrize("group, family", [("239.4.4.4", 4), ("ff15::4:4", 6)], ids=["igmpv3", "mldv2"])
def test_a_socket_blocks_a_source(plant, group, family):
    first = SOURCES[family][0]

    def modes():
        return {row["source"]: row["mode"] for row in plant.switch.groups(port="h3", group=group)}
    with Member(plant.hosts["h3"], v6=family == 6) as member:
        member.join(group)
        plant.switch.wait_member("h3", group)
        member.block(group, first)
        wait_for(lambda: modes() == {"*": "exclude", first: "exclude"}, 5, lambda: str(modes()))
        reaches(plant, {"h3": member}, group, [], 0)
        reaches(plant, {"h3": member}, group, ["h3"], 1)
        member.unblock(group, first)
        wait_for(lambda: modes().get(first) != "exclude", 5, lambda: str(modes()))
        reaches(plant, {"h3": member}, group, ["h3"], 0)
    plant.switch.wait_member("h3", group, member=False, timeout=10)


def test_hosts_ping_each_other_in_ipv6(plant):
    """RFC 4541 3: with `unregistered: drop`, and nothing known of each other, neighbour discovery finds them; ff02::1 is everybody."""
    for name, host in plant.hosts.items():
        host.run("ip", "-6", "neigh", "flush", "dev", "eth0")
        for peer in (1, 2, 3):
            if name != f"h{peer}":
                host.run("busybox", "ping", "-6", "-c", "1", "-W", "5", f"fd00::10{peer}")
        silent = {plant.hosts[peer].mac("eth0") for peer in HOSTS if peer != name}

        def all_answered(frame, silent=silent):
            if frame[12:14] == b"\x86\xdd" and frame[54] == 129:  # ICMPv6 echo reply
                silent.discard(frames.look(frame).src)
            return not silent
        with Tap(host, "eth0") as tap:
            host.run("busybox", "ping", "-6", "-c", "1", "-W", "5", "-I", "eth0", "ff02::1")
            tap.collect(all_answered)
        assert not silent


def test_smcroute_joins_and_leaves(plant):
    """smcrouted as a member, of a group and of a source; told by smcroutectl while it runs."""
    if not shutil.which("smcrouted"):
        pytest.skip("smcroute is missing: apt-get install smcroute")
    host = plant.hosts["h3"]
    with Workdir("smcroute") as work:
        (work / "conf").write_text("mgroup from eth0 group 239.5.5.5\n")
        daemon = host.start("smcrouted", "-n", "-N", "-f", work / "conf", "-P", work / "pid", "-u", work / "sock",
                            log=work / "log", name="smcrouted")
        plant.switch.wait_member("h3", "239.5.5.5", timeout=10)
        control = ("smcroutectl", "-u", work / "sock")
        host.run(*control, "join", "eth0", SOURCES[4][0], "232.5.5.5")
        plant.switch.wait_member("h3", "232.5.5.5", SOURCES[4][0])
        host.run(*control, "leave", "eth0", SOURCES[4][0], "232.5.5.5")
        plant.switch.wait_member("h3", "232.5.5.5", SOURCES[4][0], member=False)
        daemon.close()
        plant.switch.wait_member("h3", "239.5.5.5", member=False, timeout=10)


def test_smcroute_says_that_it_routes(plant):
    """RFC 4286: its multicast router advertisements make the uplink a router port."""
    if not shutil.which("smcrouted"):
        pytest.skip("smcroute is missing: apt-get install smcroute")
    with Workdir("smcroute") as work:
        (work / "conf").write_text("phyint eth0 enable mrdisc\n")
        daemon = plant.source.start("smcrouted", "-n", "-N", "-m", "4", "-f", work / "conf", "-P", work / "pid", "-u",
                                    work / "sock", log=work / "log", name="smcrouted")
        wait_for(lambda: plant.counters("up0")["mrd_rx"] > 0, 15, "an advertisement", alive=daemon)
        row = next(row for row in plant.switch.ctl("show queriers") if row["family"] == "ipv4")
        assert (row["state"], row["router_ports"]) == ("ours", ["up0"])
        daemon.close()


def test_the_kernel_bridge_as_querier(plant):
    """From 0.0.0.0 it changes nothing; from its address it is the querier, and learns of our hosts through the answers."""
    def querier():
        return next(row for row in plant.switch.ctl("show queriers") if row["family"] == "ipv4")
    bridge = ("set", plant.wire.BRIDGE, "type", "bridge")
    plant.wire.address(plant.wire.BRIDGE, "192.168.20.1/24")
    before = plant.counters("up0")["igmp"]["queries_rx"]["v3"]
    plant.wire.link(*bridge, "mcast_query_interval", "100", "mcast_query_response_interval", "50",
                    "mcast_startup_query_interval", "50")
    plant.wire.link(*bridge, "mcast_querier", "1")
    wait_for(lambda: plant.counters("up0")["igmp"]["queries_rx"]["v3"] > before, 10, "the bridge asks")
    assert querier()["state"] == "ours"
    plant.wire.link(*bridge, "mcast_query_use_ifaddr", "1")
    wait_for(lambda: querier()["address"] == "192.168.20.1", 10, "the bridge asks from its address")
    assert (querier()["port"], querier()["router_ports"]) == ("up0", ["up0"])
    with Member(plant.hosts["h3"]) as member:
        member.join("239.6.6.6")
        plant.wire.wait_member("239.6.6.6", "up0")
        plant.switch.wait_member("h3", "239.6.6.6")
        reaches(plant, {"h3": member}, "239.6.6.6", ["h3"])
    plant.wire.wait_member("239.6.6.6", "up0", member=False, timeout=10)
    plant.switch.wait_member("h3", "239.6.6.6", member=False, timeout=10)
