# SPDX-License-Identifier: BSD-3-Clause
"""
Rates of the last second and histograms, by port, group and core.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2, vm3
"""

import threading

import pytest

from lab import frames
from lab.process import wait_for

OUTSIDE, SOURCE, GROUP, OTHER = "02:00:00:00:00:99", "10.0.0.99", "239.1.1.1", "239.2.2.2"


@pytest.fixture
def three(net):
    one = net({"vm1": {}, "vm2": {}, "vm3": {}})
    for name in ("vm1", "vm2"):
        guest = one.guests[name]
        guest.send(frames.igmp3_join(guest.mac, guest.ip, GROUP))
        one.switch.wait_member(name, GROUP)
    one.settle()
    return one


def worker(net):
    return next(core for core in net.switch.ctl("show cores") if core["role"] == "worker")


class Stream:
    """Frames for a group without rest, until closed; the guests only count them."""

    def __init__(self, net, group):
        self.net, self.stopped = net, threading.Event()
        self.frame = bytes(frames.udp(OUTSIDE, SOURCE, group, b"x" * 100))
        for guest in net.guests.values():
            guest.sink()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stopped.wait(0.002):
            self.net.up.send([self.frame] * 4)

    def close(self):
        self.stopped.set()
        self.thread.join()


def test_rates_come_and_go(three):
    ports, = (lambda: {port["name"]: port for port in three.switch.ctl("show ports")}),
    assert all(port["rx_pps"] == port["tx_pps"] == 0 for name, port in ports().items() if name == "vm3")
    stream = Stream(three, GROUP)
    try:
        def flows():
            now, core = ports(), worker(three)
            return (now["up0"]["rx_pps"] > 0 and now["vm1"]["tx_pps"] > 0 and now["vm2"]["tx_pps"] > 0 and core["rx_pps"] > 0
                    and core["busy_permille"] > 0 and core["cycles_per_frame"] and now)
        now = wait_for(flows, 10, lambda: f"rates of {ports()}")
        assert now["up0"]["rx_bps"] >= 8 * 100 * now["up0"]["rx_pps"]
        assert now["vm3"]["tx_pps"] == 0
        wait_for(lambda: all(row["pps"] > 0 for row in three.switch.groups(group=GROUP)), 10, "the group's rate")
        busiest, = three.switch.ctl("show busiest count 1")
        assert (busiest["vlan"], busiest["group"]) == (0, GROUP) and busiest["pps"] > 0
        assert busiest["ports"] == 3  # and the uplink
        control = next(core for core in three.switch.ctl("show cores") if core["role"] == "control")
        assert 0 < control["busy_permille"] <= 1000
    finally:
        stream.close()

    def still():
        return (all(port["rx_pps"] == port["tx_pps"] == 0 for port in ports().values())
                and all(row["pps"] == 0 for row in three.switch.ctl("show busiest")) and worker(three)["cycles_per_frame"] is None)
    wait_for(still, 10, "nothing flows any more")


def test_drops_have_a_rate(three):
    stream = Stream(three, OTHER)  # nobody asked for it
    try:
        three.switch.wait("show ports", lambda ports: ports[0]["drop_pps"] > 0, timeout=10)
    finally:
        stream.close()


def test_histograms(three):
    """Two members are two ways; a frame to one guest is one; a burst counts once and holds at least one frame."""
    three.switch.wait_turn()
    before = worker(three)
    three.up.send([frames.udp(OUTSIDE, SOURCE, GROUP, b"%d" % i) for i in range(40)])
    vm1 = three.guests["vm1"]
    three.up.send([frames.udp(OUTSIDE, SOURCE, vm1.ip, b"unicast", dst_mac=vm1.mac)] * 7)
    three.up.send([frames.udp(OUTSIDE, SOURCE, OTHER, b"nobody")] * 3)
    three.switch.wait("show cores", lambda cores: any(core["rx"] >= before["rx"] + 50 for core in cores))
    after = worker(three)
    more = [now - then for now, then in zip(after["fanouts"], before["fanouts"])]
    assert more[:2] == [7, 40] and sum(more[2:]) == 0
    bursts = [now - then for now, then in zip(after["bursts"], before["bursts"])]
    frames_in = after["rx"] - before["rx"]
    least = sum(n * (1 if i == 0 else 2 ** (i - 1) + 1) for i, n in enumerate(bursts))
    assert least <= frames_in <= sum(n * 2 ** i for i, n in enumerate(bursts))
    assert 0 < sum(bursts) <= frames_in
    assert (after["inject_ring_size"], after["punt_ring_size"]) == (4095, 2047)
