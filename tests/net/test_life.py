# SPDX-License-Identifier: BSD-3-Clause
"""
Guests come and go while traffic runs: nobody else loses a frame, and every buffer comes back.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2, vm3
"""

import threading

import pytest

from lab import frames
from lab.process import wait_for
from lab.switch import Refused

OUTSIDE, SOURCE, GROUP = "02:00:00:00:00:99", "10.0.0.99", "239.1.1.1"


class Traffic:
    """Numbered frames to GROUP from the uplink until stopped, paced so that nobody's ring is ever full."""

    def __init__(self, net, group=GROUP, gap=0.0005):
        self.net, self.group, self.gap = net, group, gap
        self.n, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        template = bytes(frames.udp(OUTSIDE, SOURCE, self.group, b"%08d" % 0))
        at = template.index(b"%08d" % 0)
        while not self._stop.wait(self.gap):
            self.net.up.send(template[:at] + b"%08d" % self.n + template[at + 8:])
            self.n += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        self._thread.join()


def numbers(guest, fence=b"the end"):
    """The numbers that arrived, up to the fence."""
    seen = guest.collect(frames.is_payload(fence), timeout=15)
    payloads = [frames.look(frame).payload for frame in seen]
    return [int(payload) for payload in payloads if payload.isdigit()]


def send_fence(net, payload=b"the end"):
    net.up.send(frames.udp(OUTSIDE, SOURCE, "224.0.0.251", payload))


def join(net, *names):
    for name in names:
        guest = net.guests[name]
        guest.send(frames.igmp3_join(guest.mac, guest.ip, GROUP))
        net.switch.wait_member(name, GROUP)


def buffers(net):
    return net.switch.ctl("show status")["mbufs_in_use"]


def back_to(net, baseline):
    net.switch.wait("show status", lambda status: status["mbufs_in_use"] == baseline, what=f"{baseline} buffers in use")


def wait_frames(traffic, n):
    start = traffic.n
    wait_for(lambda: traffic.n >= start + n, 20, f"{n} more frames")


def test_guest_killed_while_traffic_runs(net):
    net = net({"vm1": {}, "vm2": {}, "vm3": {}})
    join(net, "vm1", "vm2", "vm3")
    net.settle()
    baseline = buffers(net)
    with Traffic(net) as traffic:
        wait_frames(traffic, 200)
        net.guests.pop("vm3").kill()
        net.switch.wait("show ports", lambda ports: any(p["name"] == "vm3" and p["state"] == "down" for p in ports))
        wait_frames(traffic, 200)
    net.settle()
    send_fence(net)
    for guest in net.guests.values():
        assert numbers(guest) == list(range(traffic.n))
    assert net.switch.groups(port="vm3") == []
    back_to(net, baseline)


def test_guest_killed_while_it_sends(net):
    net = net({"vm1": {}, "vm2": {}})
    vm1, vm2 = net.guests.values()
    net.settle()
    baseline = buffers(net)
    vm1.send(frames.udp(vm1.mac, vm1.ip, GROUP, b"x" * 1000), count=500)
    net.guests.pop("vm1").kill()
    net.switch.wait("show ports", lambda ports: any(p["name"] == "vm1" and p["state"] == "down" for p in ports))
    send_fence(net)
    vm2.expect(frames.is_payload(b"the end"))
    back_to(net, baseline)


def test_guest_reconnects(net):
    net = net({"vm1": {}, "vm2": {}})
    join(net, "vm1", "vm2")
    net.guests.pop("vm1").kill()
    net.switch.wait_member("vm1", GROUP, member=False)
    net.connect("vm1", "10.0.0.1", mac="52:54:00:00:00:01")
    join(net, "vm1")
    net.up.send(frames.udp(OUTSIDE, SOURCE, GROUP, b"again"))
    for guest in net.guests.values():
        guest.expect(frames.is_payload(b"again"))


def test_add_and_delete_a_guest_under_traffic(net):
    net = net({"vm1": {}, "vm2": {}})
    join(net, "vm1", "vm2")
    net.settle()
    baseline = buffers(net)
    socket = net.switch.work / "new.sock"
    with Traffic(net) as traffic:
        for _ in range(3):
            net.switch.ctl(f"guest add new={socket},mac=52:54:00:00:00:77")
            net.switch.guests["new"] = {"socket": str(socket), "mac": "52:54:00:00:00:77"}
            new = net.connect("new", "10.0.0.77")
            join(net, "new")
            new.expect(lambda frame: frames.look(frame).payload.isdigit())
            net.switch.ctl("guest del new")
            assert not [port for port in net.switch.ctl("show ports") if port["name"] == "new"]
            net.guests.pop("new").close()
        wait_frames(traffic, 50)
    net.settle()
    send_fence(net)
    for guest in net.guests.values():
        assert numbers(guest) == list(range(traffic.n))
    back_to(net, baseline)


def test_guests_at_run_time_are_held_to_the_same_rules(net):
    net = net({"vm1": {}})
    socket = net.switch.work / "new.sock"
    for argument, word in ((f"vm1={socket}", "vm1"), (f"up0={socket}", "up0"),
                           (f"new={net.switch.guests['vm1']['socket']}", "vm1.sock"),
                           (f"new={socket},mac=52:54:00:00:00:01", "52:54:00:00:00:01"),
                           (f"new={socket},vlan=4095", "4095"), (f"new={net.switch.work}/no/new.sock", "directory")):
        with pytest.raises(Refused, match=word):
            net.switch.ctl(f"guest add {argument}")
    assert [guest["name"] for guest in net.switch.ctl("guest show")] == ["vm1"]
    net.switch.ctl(f"guest add new={socket},vlan=20")
    assert net.switch.ctl("guest show new")[0]["vlan"] == 20
    net.switch.ctl("guest del new")
    assert [guest["name"] for guest in net.switch.ctl("guest show")] == ["vm1"]
    for verb in ("guest del", "query"):
        with pytest.raises(Refused, match="new"):
            net.switch.ctl(f"{verb} new")
    assert not socket.exists()


def test_stalled_guest_loses_its_own_frames_only(net):
    """Design: a full guest ring costs that guest its frames and nobody else anything."""
    net = net({"vm1": {}, "vm2": {}})
    join(net, "vm1", "vm2")
    vm1, vm2 = net.guests.values()
    vm1.stall()
    n = 3000
    with Traffic(net, gap=0.0002) as traffic:
        wait_frames(traffic, n)
    send_fence(net)
    assert numbers(vm2) == list(range(traffic.n))
    drops = net.switch.drops()
    assert drops["guest_ring_full"] > 0
    ports = {port["name"]: port for port in net.switch.ctl("show ports")}
    assert ports["vm1"]["tx_dropped"] == drops["guest_ring_full"]
    assert ports["vm2"]["tx_dropped"] == 0
    vm1.resume()
    send_fence(net, b"awake")
    vm1.expect(frames.is_payload(b"awake"), timeout=10)


def test_client_mode_guest_outlives_the_switch(net):
    """The guest owns the socket: the switch is killed, comes back, and the guest goes on."""
    net = net({"vm1": {"mode": "client"}})
    vm1 = net.guests["vm1"]
    join(net, "vm1")
    net.switch.kill()
    vm1.wait_down()
    net.ups.pop("up0").close()
    net.switch.start()
    vm1.wait_up(timeout=15)
    net.wire.wait_dev("up0")
    net.wire.up("up0")
    net.up = net.ups["up0"] = frames.Tap(net.wire, "up0")
    net.switch.wait("show ports", net._all_up)
    join(net, "vm1")
    net.up.send(frames.udp(OUTSIDE, SOURCE, GROUP, b"after the restart"))
    vm1.expect(frames.is_payload(b"after the restart"))


def test_uplink_down_and_up(net):
    net = net({"vm1": {}})
    join(net, "vm1")
    net.wire.carrier("up0", False)
    net.switch.wait("show ports", lambda ports: any(p["name"] == "up0" and p["state"] == "down" for p in ports))
    net.wire.carrier("up0", True)
    net.switch.wait("show ports", lambda ports: any(p["name"] == "up0" and p["state"] == "up" for p in ports))
    net.up.send(frames.udp(OUTSIDE, SOURCE, GROUP, b"back"))
    net.guests["vm1"].expect(frames.is_payload(b"back"))
