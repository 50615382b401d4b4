# SPDX-License-Identifier: BSD-3-Clause
"""What net and vm tests share: a switch on a raw wire, whose last word is always the conservation law."""

import os
from pathlib import Path

import pytest

from lab.frames import Tap
from lab.netns import Wire
from lab.process import Owned
from lab.switch import Switch, available


class Net(Owned):
    """
    One switch whose uplinks end in raw sockets, so that a test is the physical network:

        test --raw-- TAP up0 -- mcswitch == vhost-user == guest vm1, vm2 ...

    `guests`: {name: configuration}. A guest's VGuest is made, connected and known to the switch by its MAC.
    """

    def __init__(self, guests=None, uplinks=("up0",), config=None, connect=True, **kwargs):
        self.wire = Wire(kwargs.get("label", "wire"), bridge=False)
        self.switch, self.guests, self.ups = None, {}, {}
        super().__init__()
        guests = {name: dict(guest or {}) for name, guest in (guests or {}).items()}
        for i, guest in enumerate(guests.values(), 1):
            guest.setdefault("mac", f"52:54:00:00:00:{i:02x}")
            if guest["mac"] is None:  # to be learnt
                del guest["mac"]
        try:
            self.switch = Switch(self.wire, uplinks=uplinks, guests=guests, config=config, **kwargs)
            for name in uplinks:
                self.wire.wait_dev(name)
                self.wire.up(name)
                self.ups[name] = Tap(self.wire, name)
            self.up = self.ups[uplinks[0]] if uplinks else None
            sockets = [name for name, guest in guests.items() if "device" not in guest]
            for i, name in enumerate(sockets if connect else (), 1):
                self.connect(name, f"10.0.0.{i}")
            self.switch.wait("show ports", self._all_up, what="every port is up")
        except BaseException:
            self.close()
            raise

    def connect(self, name, ip="10.0.0.1", **kwargs):
        guest = self.guests[name] = self.switch.vguest(name, ip=ip, **kwargs)
        guest.wait_up()
        return guest

    def _all_up(self, ports):
        awaited = {*self.ups, *self.guests}
        return all(port["state"] == "up" for port in ports if port["name"] in awaited)

    def settle(self):
        """Every frame that guests have sent is taken, and nothing waits for the control lcore."""
        for guest in self.guests.values():
            guest.wait_sent()
        self.switch.wait_turn()  # what was taken is decided, or on its way to control
        self.switch.wait("show status", lambda status: status["punts_waiting"] == 0)

    def finish(self):
        """The law holds, the switch ends with exit code 0 and without a sanitizer's report."""
        self.switch.check_law()
        self.switch.stop()

    def _close(self):
        if self.switch:
            self.switch.close()
        for up in self.ups.values():
            up.close()
        self.wire.close()


@pytest.fixture
def net():
    """A factory: net(guests={"vm1": {"vlan": 20}}, ...) -> Net. At the end of the test the law is asserted."""
    if available():
        pytest.skip(available())
    made = []

    def make(*args, **kwargs):
        made.append(Net(*args, **kwargs))
        return made[-1]

    yield make
    try:
        for one in made:
            if one.switch and one.switch.process and one.switch.process.running():
                one.finish()
    finally:
        for one in reversed(made):
            one.close()


def pending():
    """[(part of a test's id, reason)] of pending.txt."""
    lines = (Path(__file__).parent / "pending.txt").read_text().splitlines()
    return [tuple(part.strip() for part in line.rsplit(": ", 1)) for line in lines if line and not line.startswith("#")]


def pytest_collection_modifyitems(items):
    if os.environ.get("MCS_PENDING"):
        return
    for item in items:
        for part, reason in pending():
            if part in item.nodeid:
                item.add_marker(pytest.mark.skip(reason=f"pending: {reason}"))
