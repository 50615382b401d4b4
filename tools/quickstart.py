# SPDX-License-Identifier: BSD-3-Clause
"""
The main job, live and in plain words. Called by tools/quickstart.

     +------------------ namespace: the physical network -----------------+
     |  source 192.168.20.9 --+                                            |
     |  router 192.168.20.1 --+-- br0 (kernel bridge, multicast snooping)  |
     |                            |          |                             |
     +----------------------------|----------|-----------------------------+
                                 up0        up1        TAP uplinks
                                  |          |
                              +---+----------+---+
                              |     mcswitch     |
                              +---+----------+---+
                                  |          |         vhost-user
                             vm1 (QEMU)   vm2 (QEMU)   two Linux kernels
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from lab.netns import Wire  # noqa: E402
from lab.process import LabError, wait_for  # noqa: E402
from lab.query import Querier  # noqa: E402
from lab.stream import Sender  # noqa: E402
from lab.switch import Switch  # noqa: E402

GROUP, RATE = "239.1.1.1", 1000
BEGIN = time.monotonic()


def say(text):
    print(f"{time.monotonic() - BEGIN:6.1f} s  {text}", flush=True)


class Check(Exception):
    """What the demonstration promised did not happen."""


def check(right, text):
    say(("  ok    " if right else "  WRONG ") + text)
    if not right:
        raise Check(text)


def arrives(guest, timeout=5.0):
    """How many frames of the stream reach the guest's card in about half a second."""
    guest.reset()
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if guest.seen(GROUP) > RATE // 4:
            return True
    return False


def silent(guest, wire_time=0.7):
    """Not one frame of the stream reaches the guest's card while the source sends several hundred."""
    guest.wait_drained(GROUP)
    guest.reset()
    end = time.monotonic() + wire_time
    while time.monotonic() < end:
        if guest.seen(GROUP):
            return False
    return True


def carrier_of(switch, guest):
    return next(port["carrier"] for port in switch.ctl("show ports") if port["name"] == guest)


def failover(wire, switch, vm1, vm2):
    """The uplink that carries vm1 loses its link; the other takes over."""
    lost = carrier_of(switch, "vm1")
    say(f"The uplink that carries vm1, {lost}, loses its link. The router's next query may be 10 s away.")
    vm1.reset()
    vm1.wait_stream(GROUP, n=RATE // 5)
    wire.down(lost)
    switch.wait("show ports", lambda ports: any(port["name"] == "vm1" and port["carrier"] not in ("", lost) for port in ports))
    before = vm1.stream(GROUP)["packets"]
    row = vm1.wait_stream(GROUP, n=before + RATE // 2)
    say(f"  vm1 is carried by {carrier_of(switch, 'vm1')}; the longest gap in the stream was {row['max_gap_us'] / 1000:.1f} ms, "
        f"{row['lost']} frames")
    check(row["max_gap_us"] < 2_000_000, "the stream resumed without waiting for the router's query")
    check(row["duplicates"] == 0, "no frame came twice")
    check(silent(vm2), "vm2 still gets none of it")
    wire.up(lost)


def table(switch, command):
    say(f"mcctl {command}")
    for line in switch.text(command).splitlines():
        print(f"          | {line}")


def physical_network():
    wire = Wire("demo")
    router = wire.host("router", "192.168.20.1/24")
    source = wire.host("source", "192.168.20.9/24")
    querier = Querier(router, "eth0", "192.168.20.1", interval=10.0)
    return wire, source, querier


def switch_on(wire):
    mac = {"vm1": "52:54:00:a2:7d:63", "vm2": "52:54:00:a2:7d:64"}
    switch = Switch(wire, uplinks=("up0", "up1"), guests={name: {"mac": mac[name]} for name in mac}, label="quickstart")
    wire.attach("up0", "up1")
    switch.wait("show ports", lambda ports: all(port["state"] == "up" for port in ports if port["role"] == "uplink"),
                timeout=10)
    return switch


def guests_boot(switch):
    vms = [switch.vm("vm1", ip="192.168.20.101/24"), switch.vm("vm2", ip="192.168.20.102/24")]
    for vm in vms:
        vm.wait_ready()
        say(f"  {vm.name} is up: {vm.sh('uname -sr').strip()}, {vm.ip}")
    return vms


def demonstrate():
    say("The physical network: a kernel bridge that snoops, a router that asks every 10 s, a source.")
    wire, source, _querier = physical_network()
    say("mcswitch, with two uplinks into that bridge.")
    switch = switch_on(wire)
    say("Two guests boot (emulated, so this takes some seconds) ...")
    vm1, vm2 = guests_boot(switch)

    say(f"The source sends {RATE} frames a second to {GROUP}. Nobody has joined.")
    sender = Sender(source, GROUP, rate=RATE)
    check(silent(vm1) and silent(vm2), "neither guest gets the stream")

    say(f"vm1 joins {GROUP}.")
    vm1.join(GROUP)
    begin = time.monotonic()
    row = vm1.wait_stream(GROUP)
    check(row is not None, f"the stream reaches vm1 ({(time.monotonic() - begin) * 1000:.0f} ms, as this script sees it)")
    check(arrives(vm1), "and goes on")
    check(silent(vm2), "vm2 gets none of it")
    groups, _ = wire.mdb()
    check(bool({"up0", "up1"} & groups.get(GROUP, set())), "the bridge has learnt the member: the report went out")
    table(switch, "show groups")
    table(switch, "show snooping")

    failover(wire, switch, vm1, vm2)

    say("vm1 leaves.")
    vm1.leave(GROUP)
    switch.wait_member("vm1", GROUP, member=False)
    check(silent(vm1), "the stream has stopped")
    check(sender.stop() > 0, "while the source went on sending")

    switch.check_law()
    say("Every frame is accounted for: received + injected + references = sent + punted + dropped.")
    table(switch, "show ports")
    switch.stop()
    wait_for(lambda: not switch.process.running(), 5, "the switch has ended")


def main():
    try:
        demonstrate()
    except (Check, LabError) as error:
        print(f"\nquickstart: FAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nquickstart: stopped", file=sys.stderr)
        return 130
    say("Done. README.md tells how to go on: your own NICs, your own guests.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
