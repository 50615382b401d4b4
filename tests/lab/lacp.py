# SPDX-License-Identifier: BSD-3-Clause
"""The other end of a port channel: answers LACP (IEEE 802.1AX) on one interface each, as a physical switch does. This kernel has no bond device."""

import threading

from scapy.contrib.lacp import LACP, SlowProtocol
from scapy.layers.l2 import Ether

from .frames import Tap, look
from .process import Owned, wait_for

ETHERTYPE_SLOW = 0x8809
SYNC, COLLECTING, DISTRIBUTING = 0x08, 0x10, 0x20
IN = 0x07 | SYNC | COLLECTING | DISTRIBUTING  # active, short timeout, aggregatable, and in the channel
OUT = 0x07


class Partner(Owned):
    """One member port `number` of the channel, on `dev` in `ns`. `state` is what it says of itself; `heard` the last LACPDU."""

    SYSTEM = "02:00:00:00:01:00"

    def __init__(self, ns, dev, number):
        self.number, self.state, self.heard = number, IN, None
        self._tap, self._stop = Tap(ns, dev), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"lacp {dev}", daemon=True)
        super().__init__()
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            frame = self._tap.recv(0.1)
            if frame is not None and look(frame).ethertype == ETHERTYPE_SLOW:
                self.heard = Ether(bytes(frame))[LACP]
                self._answer(self.heard)

    def _answer(self, of):
        pdu = LACP(actor_system_priority=1, actor_system=self.SYSTEM, actor_key=7, actor_port_priority=1,
                   actor_port_number=self.number, actor_state=self.state, collector_max_delay=0,
                   **{f"partner_{name}": getattr(of, f"actor_{name}")
                      for name in ("system_priority", "system", "key", "port_priority", "port_number", "state")})
        head = Ether(src=f"02:00:00:00:01:{self.number:02x}", dst="01:80:c2:00:00:02", type=ETHERTYPE_SLOW)
        self._tap.send(bytes(head / SlowProtocol() / pdu))

    def is_in(self):
        """Both ends collect and distribute on this member."""
        return self.heard is not None and self.heard.actor_state & DISTRIBUTING and self.heard.partner_state & DISTRIBUTING

    def wait(self, is_in=True, timeout=15.0):
        wait_for(lambda: bool(self.is_in()) == is_in, timeout, f"member {self.number} is {'in' if is_in else 'out of'} the channel")

    def _close(self):
        self._stop.set()
        self._thread.join(5)
        self._tap.close()
