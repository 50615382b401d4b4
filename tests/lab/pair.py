# SPDX-License-Identifier: BSD-3-Clause
"""
Two hosts on one machine, and a guest that moves between them while a stream flows.

    source, router (namespaces) -- br0 (kernel bridge, snooping; the router asks every 125 s)
                                    |                    |
                                  TAP up0              TAP up1
                                    |                    |
                              mcswitch "one"       mcswitch "two"
                                    |                    |
                                   vm1  - live migration - vm1
"""

import subprocess

from . import frames
from .frames import Tap
from .netns import Wire
from .process import LabError, Owned, run, wait_for
from .query import Querier
from .stream import Sender
from .switch import CLIENT, Switch

GROUP, MAC, IP = "239.1.1.1", "52:54:00:a2:7d:63", "192.168.20.101"


class Pair(Owned):
    """`config`, `guest`: of both switches and of their vm1. `qmp`: do the switches read QEMU's filter? `device`: of the card."""

    def __init__(self, config=None, guest=None, qmp=True, device=None, lcores=("0,1", "0,1"), memory_mb=128, others=()):
        self.device, self.memory_mb, self.n_moves, self.at = device or {}, memory_mb, 0, 0
        self.switches, self.querier, self.vm, self.sender = [], None, None, None
        self.wire = Wire("pair")
        super().__init__()
        try:
            router = self.wire.host("router", "192.168.20.1/24")
            self.source = self.wire.host("source", "192.168.20.9/24")
            for i, label in enumerate(("one", "two")):
                self.switches.append(self._switch(i, label, config, guest, qmp, lcores[i], others))
            self.querier = Querier(router, "eth0", "192.168.20.1", interval=125.0, response=10.0, mld=True)
            self._wait_snooping()
            for switch in self.switches:
                switch.wait("show queriers", lambda rows: any(row["address"] == "192.168.20.1" for row in rows), timeout=10)
        except BaseException:
            self.close()
            raise

    def _wait_snooping(self):
        """The bridge floods until the querier's first response interval has passed; then a group is nobody's."""
        with Tap(self.wire, "up0", direction="out") as tap, Tap(self.source, "eth0") as source:
            def quiet():
                source.send(frames.udp("02:00:00:00:00:09", "192.168.20.9", "239.255.0.1", b"probe"))
                source.send(frames.udp("02:00:00:00:00:09", "192.168.20.9", "224.0.0.251", b"fence"))
                seen = tap.collect(frames.is_payload(b"fence"))
                return not any(frames.look(frame).payload == b"probe" for frame in seen)
            wait_for(quiet, 20, "the bridge snoops", every=0.2)

    def forget(self):
        """The bridge forgets that the group was ever wanted at the other switch."""
        port = f"up{1 - self.at}"
        if port in self.wire.mdb()[0].get(GROUP, ()):
            run(["bridge", "-n", self.wire.name, "mdb", "del", "dev", self.wire.BRIDGE, "port", port, "grp", GROUP])

    def _switch(self, i, label, config, guest, qmp, lcores, others):
        guests = {"vm1": {"mac": MAC, **(guest or {})}, **{name: {} for name in others}}
        switch = Switch(self.wire, uplinks={f"up{i}": f"net_tap0,iface=up{i}"}, guests=guests, config=config, lcores=lcores,
                        label=label, start=False)
        try:
            if qmp:
                switch.guests["vm1"]["qmp"] = str(switch.work / "vm1.qmp")
            switch.config["guests"] = [{"name": name, **one} for name, one in switch.guests.items()]
            switch.start()
            self.wire.attach(f"up{i}", alive=switch.process)
            switch.wait("show ports", lambda ports: ports[0]["state"] == "up", timeout=10)
        except BaseException:
            switch.close()
            raise
        return switch

    # ---- the guest ----

    @property
    def here(self):
        return self.switches[self.at]

    @property
    def there(self):
        return self.switches[1 - self.at]

    def boot(self, **kwargs):
        self.vm = self.here.vm("vm1", ip=f"{IP}/24", device=self.device, memory_mb=self.memory_mb, **kwargs).wait_ready()
        return self.vm

    def incoming(self):
        """The machine at the other switch that waits for the guest."""
        uri = f"unix:{self.there.work}/incoming{self.n_moves}"
        return self.there.vm("vm1", ip=f"{IP}/24", device=self.device, memory_mb=self.memory_mb, incoming=uri)

    def hand_over(self):
        """mcctl export vm1 | mcctl import vm1, as an orchestrator does before it lets the guest run there."""
        text = self._mcctl(self.here, "export")
        return self._mcctl(self.there, "import", stdin=text)

    @staticmethod
    def _mcctl(switch, verb, stdin=""):
        done = subprocess.run([CLIENT, "--socket", switch.socket, verb, "vm1"], input=stdin, capture_output=True, text=True,
                              timeout=20, check=False)
        if done.returncode:
            raise LabError(f"mcctl {verb}: {done.stderr}")
        return done.stdout

    def move(self, hand_over=False):
        """Migrate the guest to the other switch; what QEMU says of it ({"downtime": ms, "total-time": ms})."""
        to, old = self.incoming(), self.vm
        if hand_over:
            self.hand_over()
        old.migrate(to)
        told = old.qmp.command("query-migrate")
        self.n_moves += 1
        self.at = 1 - self.at
        self.vm = to
        old.close()
        to.wait_ready()
        return told

    def arrival(self, timeout=15.0):
        """What the switch tells of the last migration to it, once it is over."""
        return wait_for(self._told, timeout, "the arrival is told", every=0.2)

    def _told(self):
        """The summary, if nothing of a migration came after it."""
        rows = [event for event in self.here.ctl("show events") if event["type"] == "migration"]
        return rows[-1].get("migration") if rows else None

    # ---- the stream ----

    def stream(self, rate=1000, **kwargs):
        self.sender = Sender(self.source, GROUP, rate=rate, **kwargs)
        return self.sender

    def _close(self):
        if self.sender and self.sender.running():
            self.sender.close()
        for switch in self.switches:
            switch.close()
        if self.querier:
            self.querier.close()
        self.wire.close()
