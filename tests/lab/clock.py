# SPDX-License-Identifier: BSD-3-Clause
"""
The control lcore's clock in the test's hand: timers of minutes pass in milliseconds, and nothing is early or late.

    clock = Clock()                       # it stands at one hour
    switch = Switch(..., env=clock.env)
    clock.advance(Rpc(switch.socket), 260.0)    # control has done all that was due

A library of thirty lines (lab/fakeclock) stands before libc's clock_gettime for the daemon's own code; workers count cycles and
libevent has its own time, so both run on as ever.
"""

import mmap
import struct
import time

from .process import LAB, Owned, REPO, Workdir, locked, run, wait_for


BIRTH_NS = 3600 * 10**9


def library():
    source, target = REPO / "tests/lab/fakeclock/fakeclock.c", LAB / "fakeclock.so"
    with locked("build"):
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                 "-o", target, source], timeout=60)
    return target


class Clock(Owned):
    """Time as the daemon is told it. `env` belongs in its environment."""

    def __init__(self):
        self.work = Workdir("clock")
        path = self.work / "now"
        path.write_bytes(bytes(8))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8)
        self.uptime_ms = 0
        self.env = {"LD_PRELOAD": str(library()), "MCS_CLOCK": str(path),
                    "ASAN_OPTIONS": "verify_asan_link_order=0"}  # a sanitizer's library is linked, and so comes later
        super().__init__()
        self._set()

    def _set(self):
        self.map[:] = struct.pack("<Q", BIRTH_NS + self.uptime_ms * 1_000_000)

    def advance(self, rpc, seconds):
        """So many seconds (to the millisecond) pass, and control does all that is due in them."""
        ms = round(seconds * 1000)
        if ms == 0:
            return
        self.uptime_ms += ms
        self._set()
        wait_for(lambda: rpc.call("status")["uptime_ms"] == self.uptime_ms, 5, "control sees the new time", every=0)
        self._turn(rpc)

    @staticmethod
    def _turn(rpc):
        """Control's loop turns at least once: it does every 200 us, and an answer may come from just before."""
        time.sleep(0.001)
        rpc.call("version")
        rpc.call("version")

    def _close(self):
        self.map.close()
        self.work.close()
