# SPDX-License-Identifier: BSD-3-Clause
"""
The physical end of a port channel without LACP (EtherChannel, mode "on"), which this kernel has no device for: a bridge port whose frames go
to one of several members, chosen by source and destination address among those whose link is up, and come from any of them.

    bridge br0 -- veth channel == channel-far -- Channel -- TAP up0, up1
"""

import select
import socket
import threading
import zlib

from .frames import ETH_P_ALL, PACKET_OUTGOING
from .process import Owned


class Channel(Owned):
    """Members are not on the bridge. `port` is the name of the bridge's port."""

    def __init__(self, wire, members, port="channel"):
        self._stop = threading.Event()
        wire.link("add", port, "type", "veth", "peer", "name", f"{port}-far")
        wire.link("set", port, "master", wire.BRIDGE)
        wire.up(port)
        wire.up(f"{port}-far")
        with wire.entered():
            self._far = self._raw(f"{port}-far")
            self._members = [self._raw(name) for name in members]
        self._wire, self._port = wire, port
        self._thread = threading.Thread(target=self._run, name="channel", daemon=True)
        super().__init__()
        self._thread.start()

    @staticmethod
    def _raw(dev):
        one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        one.bind((dev, ETH_P_ALL))
        one.setblocking(False)
        return one

    def _run(self):
        while not self._stop.is_set():
            for one in select.select([self._far, *self._members], [], [], 0.1)[0]:
                self._take(one)

    def _take(self, one):
        for _ in range(64):
            try:
                frame, address = one.recvfrom(65536)
            except OSError:  # nothing more, or the member's word that its link is down
                return
            if address[2] == PACKET_OUTGOING:
                continue
            if one is self._far:
                self._spread(frame)
            else:
                self._far.send(frame)

    def _spread(self, frame):
        """To the member that the addresses name; if its link is down, to the next."""
        if frame[12:14] == b"\x08\x00" and frame[23] == 17:  # a checksum that a NIC was to fill in: none
            frame = frame[:40] + b"\0\0" + frame[42:]
        first = zlib.crc32(frame[26:34] if frame[12:14] == b"\x08\x00" else frame[:12])
        for i in range(len(self._members)):
            try:
                self._members[(first + i) % len(self._members)].send(frame)
                return
            except OSError:
                continue

    def _close(self):
        self._stop.set()
        self._thread.join(5)
        for one in (self._far, *self._members):
            one.close()
        self._wire.link("del", self._port)
