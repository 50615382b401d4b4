# SPDX-License-Identifier: BSD-3-Clause
"""
Losing and regaining a link, whatever the driver tells of it, and what the NIC is made to let in.

    test --raw-- veth far == veth near -- net_af_packet0 -- mcswitch == vhost-user == vm1      (says "up" for ever: rtnetlink)
    test --raw-- TAP up0 ------------------- net_tap0 ----- mcswitch                           (claims an interrupt, raises none)
"""

import time

import pytest

from lab import frames
from lab.frames import Tap
from lab.netns import Wire
from lab.process import LabError
from lab.switch import Switch, available

OUTSIDE, SOURCE, GROUP = "02:00:00:00:00:99", "10.0.0.99", "239.1.1.1"
KINDS = ["af_packet", "tap"]


class Link:
    """A switch whose uplink "up0" is an af_packet or TAP device; the cable is `dev` in the wire's namespace."""

    def __init__(self, kind, **uplink):
        self.wire, self.switch, self.far = Wire(bridge=False), None, None
        try:
            if kind == "af_packet":
                self.wire.veth("far", self.wire, "near")
                self.dev, device = "far", "net_af_packet0,iface=near"
            else:
                self.dev, device = "up0", "net_tap0,iface=up0"
            self.switch = Switch(self.wire, uplinks={"up0": device}, guests={"vm1": {"mac": "52:54:00:00:00:01"}}, start=False)
            self.switch.config["uplinks"][0].update(uplink)
            self.switch.start()
            self.wire.wait_dev(self.dev)
            self.wire.up(self.dev)
            self.far = Tap(self.wire, self.dev)
            self.wait("up")
        except BaseException:
            self.close()
            raise

    def uplink(self):
        return self.switch.ctl("show uplinks")[0]

    def wait(self, state, timeout=5.0):
        """Until the uplink has this state; returns how long that took."""
        start = time.monotonic()
        self.switch.wait("show uplinks", lambda rows: rows[0]["state"] == state, timeout, f"up0 is {state}")
        return time.monotonic() - start

    def finish(self):
        self.switch.check_law()
        self.switch.stop()

    def close(self):
        for one in (self.switch, self.far, self.wire):
            if one:
                one.close()


@pytest.fixture
def link():
    """A factory: link(kind, **configuration of the uplink) -> Link, closed at the end; the law is asserted."""
    if available():
        pytest.skip(available())
    made = []

    def make(*args, **kwargs):
        made.append(Link(*args, **kwargs))
        return made[-1]

    yield make
    try:
        for one in made:
            one.finish()
    finally:
        for one in made:
            one.close()


@pytest.mark.parametrize("kind", KINDS)
def test_state_follows_the_kernel(link, kind):
    link = link(kind)
    row = link.uplink()
    assert row["link_detection"] == f"kernel carrier of {'near' if kind == 'af_packet' else 'up0'}"
    assert row["driver_file"] == f"{kind}.yaml"
    for _ in range(3):
        link.wire.down(link.dev)
        link.wait("down")
        link.wire.up(link.dev)
        link.wait("up")
    vm1 = link.switch.vguest("vm1", ip="10.0.0.1")
    vm1.wait_up()
    vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, GROUP))
    link.switch.wait_member("vm1", GROUP)
    link.far.close()
    link.far = Tap(link.wire, link.dev)  # the one that saw the link go down says so first
    link.far.send(frames.udp(OUTSIDE, SOURCE, GROUP, b"back"))
    vm1.expect(frames.is_payload(b"back"))


@pytest.mark.parametrize("kind", KINDS)
def test_loss_is_told_and_not_polled_for(link, kind):
    link = link(kind, poll_ms=60000)
    for _ in range(5):
        link.wire.down(link.dev)
        link.wait("down")
        link.wire.up(link.dev)
        link.wait("up")


def test_unplugged_while_other_links_change(link):
    link = link("tap")
    for _ in range(3):
        link.wire.carrier("up0", False)
        link.wait("down")
        link.wire.carrier("up0", True)
        link.wait("up")


def test_interrupt_that_is_never_raised(link):
    """The driver keeps the state up to date without a word: poll_ms finds it."""
    link = link("tap", link="interrupt", poll_ms=20)
    assert link.uplink()["link_detection"] == "interrupt"
    assert link.uplink()["driver_file"] == "tap.yaml; configured: link, poll_ms"
    link.wire.down("up0")
    link.wait("down")


def test_a_link_that_returns_must_stay(link):
    """debounce_ms: a loss acts at once, a return when it has lasted."""
    link = link("tap", debounce_ms=600)
    link.wire.down("up0")
    link.wait("down")
    link.wire.up("up0")
    assert link.wait("up") > 0.5
    link.wire.down("up0")
    link.wait("down")
    for _ in range(3):  # flaps never last long enough
        link.wire.up("up0")
        time.sleep(0.2)
        link.wire.down("up0")
        time.sleep(0.05)
        assert link.uplink()["state"] == "down"
    link.wire.up("up0")
    link.wait("up")


def test_interface_is_deleted(link):
    link = link("af_packet")
    link.wire.link("del", "near")
    link.wait("down")
    link.far.close()
    link.far = None


def test_leaving_a_bridge_is_no_loss(link):
    """A bridge says "deleted" of a port that leaves it, in a family of its own."""
    link = link("af_packet", poll_ms=5000)
    link.wire.link("add", "br1", "type", "bridge")
    link.wire.up("br1")
    link.wire.link("set", "near", "master", "br1")
    link.wire.link("set", "near", "nomaster")
    with pytest.raises(LabError):
        link.wait("down", 0.5)


def listed(row):
    kind, _, n = row["multicast_filter"].partition(" of ")
    assert kind == "list", row
    return int(n)


def test_multicast_filter_follows_joins(link):
    link = link("tap", multicast="list")
    assert link.uplink()["driver_file"] == "tap.yaml; configured: multicast"
    vm1 = link.switch.vguest("vm1", ip="10.0.0.1")
    vm1.wait_up()
    link.switch.wait("show uplinks", lambda rows: rows[0]["multicast_filter"] == "list of 258", 5, "fixed addresses and vm1's")
    for n, group in enumerate(["239.1.1.1", "239.2.2.2", "239.130.2.2"], 1):
        vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, group))
        link.switch.wait_member("vm1", group)
        expected = 258 + min(n, 2)  # the third has the second's address
        link.switch.wait("show uplinks", lambda rows: listed(rows[0]) == expected, 5, f"list of {expected}")
    vm1.send(frames.igmp3_leave(vm1.mac, vm1.ip, "239.1.1.1"))
    link.switch.wait_member("vm1", "239.1.1.1", member=False)
    link.switch.wait("show uplinks", lambda rows: listed(rows[0]) == 259, 5, "list of 259")


@pytest.mark.parametrize("kind,multicast,unicast", [("tap", "all-multicast", "promiscuous"),
                                                     ("af_packet", "promiscuous", "promiscuous")])
def test_filters_that_are_no_list(link, kind, multicast, unicast):
    row = link(kind).uplink()
    assert (row["multicast_filter"], row["unicast_filter"]) == (multicast, unicast)


def test_without_driver_files(tmp_path):
    """A warning, and what the devices say themselves."""
    if available():
        pytest.skip(available())
    with Wire(bridge=False) as wire, Switch(wire, start=False) as switch:
        argv = switch.argv
        switch.argv = lambda: [*argv(), "--drivers", tmp_path / "none"]
        switch.start()
        assert "none is missing" in switch.process.log_text()
        assert switch.ctl("show uplinks")[0]["driver_file"] == "defaults"
        switch.stop()
        (tmp_path / "bad.yaml").write_text("drivers:\n- names: [net_tap]\n")
        switch.argv = lambda: [*argv(), "--drivers", tmp_path]
        with pytest.raises(LabError):
            switch.start()
        assert f"{tmp_path}/bad.yaml:2: link is missing" in switch.process.log_text()
