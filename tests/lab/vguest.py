# SPDX-License-Identifier: BSD-3-Clause
"""
A guest without a machine: the program tests/net/vguest drives a vhost-user port, this class sends and receives its frames.

    with VGuest("/run/vm1.sock", mac="52:54:00:00:00:01") as guest:
        guest.wait_up()
        guest.send(frames.igmp3_join(guest.mac, guest.ip, "239.1.1.1"))
        guest.expect(frames.is_udp_to("239.1.1.1"), timeout=2)
"""

import json
import os
import select
import signal
import socket
import struct
import time

from .inbox import Frame, Inbox
from .process import LabError, Owned, Process, built

F_MRG_RXBUF = 1 << 15
F_PROTOCOL = 1 << 30
F_VERSION_1 = 1 << 32
F_LOG_ALL = 1 << 26
BUFFER = 8 << 20


def program():
    return built("vguest", "tests/net/vguest")


class VGuest(Inbox, Owned):
    """
    One guest on the vhost-user socket `path`. listen=True: the guest owns the socket (the switch is a client and may
    restart). It connects when the switch is there, and again after the connection was lost.
    """

    def __init__(self, path, listen=False, name=None, mac="52:54:00:00:00:01", ip=None, ip6=None, features=None,
                 rx_size=2048, log=None):
        Inbox.__init__(self)
        self.path, self.mac, self.ip, self.ip6 = str(path), mac, ip, ip6
        self.name = name or os.path.basename(self.path)
        self.events, self._status, self.replies = [], None, []
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._link, theirs):
            end.setsockopt(socket.SOL_SOCKET, 32, BUFFER)  # SO_SNDBUFFORCE
        argv = [program(), "--link", theirs.fileno(), "--listen" if listen else "--connect", self.path,
                "--rx-size", rx_size]
        if features is not None:
            argv += ["--features", f"{features:x}"]
        self.process = Process(argv, log or f"{self.path}.vguest.log", name=f"vguest {self.name}",
                               pass_fds=[theirs.fileno()])
        theirs.close()
        Owned.__init__(self)

    # ---- frames ----

    def send(self, frame, count=1):
        """Send a frame (bytes or a scapy packet), or a list of them, `count` times over."""
        frames = frame if isinstance(frame, (list, tuple)) else [frame]
        messages = [b"F" + bytes(frame) for frame in frames]
        for _ in range(count):
            for message in messages:
                self._say(message)

    def send_with_header(self, header, frame):
        """Send with a virtio-net header (12 bytes) of the caller's making: what a hostile guest may ask of the switch."""
        self._say(b"H" + header + bytes(frame))

    def sink(self, on=True):
        """Count received frames (status()['rx']) instead of delivering them: for streams that nobody looks at."""
        self._say(b"K" + bytes([on]))

    def _say(self, message):
        deadline = time.monotonic() + 5
        while True:
            try:
                self._link.send(message, socket.MSG_DONTWAIT)
                return
            except BlockingIOError:
                # It waits for room in its ring; meanwhile it may also wait for us to read.
                self._receive(0)
                if time.monotonic() > deadline:
                    raise LabError(f"{self.name}: the switch takes no frame") from None
                select.select([self._link], [self._link], [], 0.1)
            except OSError as error:
                raise LabError(f"{self.name}: {error}\n{self.process.log_tail()}") from None

    def _receive(self, timeout):
        if not select.select([self._link], [], [], timeout)[0]:
            return
        for _ in range(1024):
            try:
                message = self._link.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except ConnectionResetError:
                message = b""
            if not message:
                raise LabError(f"{self.name} is gone\n{self.process.log_tail()}")
            self._take(message)

    def _take(self, message):
        kind = message[:1]
        if kind == b"F":
            self.frames.append(Frame.at(message[9:], struct.unpack_from("<Q", message, 1)[0]))
        elif kind == b"S":
            self._status = json.loads(message[1:])
        elif kind == b"M":
            self.replies.append((*struct.unpack_from("<II", message, 1), message[9:]))
        elif kind == b"E":
            event = json.loads(message[1:])
            if event["event"] == "fault":
                raise LabError(f"{self.name}: the switch broke a rule of virtio: {event['what']} ({event['value']})")
            self.events.append(event)

    # ---- the connection ----

    def _await(self, condition, timeout, what):
        end = time.monotonic() + timeout
        while not condition():
            left = end - time.monotonic()
            if left < 0:
                raise LabError(f"{self.name}: not within {timeout:g} s: {what}\n{self.process.log_tail()}")
            self._receive(left)

    def wait_up(self, timeout=5.0):
        """Until the rings are enabled (again): the switch has answered every message."""
        self._await(lambda: self.events and self.events[-1]["event"] == "up", timeout, "connected")

    def wait_down(self, timeout=5.0):
        """Until the connection is lost."""
        self._await(lambda: self.events and self.events[-1]["event"] == "down", timeout, "connection lost")

    def status(self, timeout=5.0):
        """Its counters: rx, tx, tx_in_ring, unkicked (found without a call of the switch), connections, features..."""
        self._status = None
        self._say(b"S")
        self._await(lambda: self._status is not None, timeout, "status")
        return self._status

    def wait_sent(self, timeout=5.0):
        """Until the switch has taken every frame out of the transmit ring."""
        end = time.monotonic() + timeout
        while self.status(max(0.01, end - time.monotonic()))["tx_in_ring"]:
            if time.monotonic() > end:
                raise LabError(f"{self.name}: the switch leaves frames in the transmit ring")
            time.sleep(0.002)

    def stall(self):
        """Stop reading and writing the rings, as a guest whose machine is paused."""
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def kill(self):
        """End without a word, as a machine that is killed in the middle of a burst."""
        self.process.kill()
        self.close()

    def _close(self):
        if self.process.running():
            self.process.signal(signal.SIGCONT)
            self.process.terminate(2.0)
        self.process.close()
        self._link.close()

    # ---- what a hostile guest may do ----

    def message(self, request, payload=b"", flags=1, timeout=None):
        """
        Send any vhost-user message. SET_MEM_TABLE and SET_INFLIGHT_FD carry the memory's descriptor, SET_LOG_BASE that of a log
        which the guest process has open as well. With a timeout, wait for the answer and return its payload.
        """
        n_before = len(self.replies)
        self._say(b"M" + struct.pack("<II", request, flags) + payload)
        if timeout is None:
            return None
        self._await(lambda: len(self.replies) > n_before, timeout, f"answer to message {request}")
        return self.replies[-1][2]

    def send_rarp(self, mac=None):
        """What QEMU says at the end of a migration of a guest that does not announce itself (SEND_RARP)."""
        self.message(19, bytes.fromhex((mac or self.mac).replace(":", "")) + b"\0\0")

    def set_log_all(self, on=True):
        """What QEMU says when a migration away from here begins, or fails: SET_FEATURES with or without LOG_ALL."""
        features = self.status()["features"]
        self.message(2, struct.pack("<Q", features | F_LOG_ALL if on else features))

    def write_memory(self, offset, data):
        """Write into guest memory (status()['memory_size'] bytes, at guest address status()['guest_base'])."""
        self._say(b"W" + struct.pack("<Q", offset) + data)

    def descriptors(self, queue, head, table):
        """Write (index, address, length, flags, next) into a queue's table (0 receive, 1 transmit) and offer `head`."""
        rows = b"".join(struct.pack("<HQIHH", *row) for row in table)
        self._say(b"D" + struct.pack("<BBH", queue, 0, head) + rows)
