# SPDX-License-Identifier: BSD-3-Clause
"""
What the host sees of a running daemon: its messages to systemd, and its log.

    test -- $NOTIFY_SOCKET <-- mcswitch --> stderr: people, or the journal

Every message is awaited. A worker that hangs is one thread stopped by ptrace while the others go on.
"""

import ctypes
import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from lab.process import REPO, Workdir, wait_for
from lab.switch import DAEMON, Switch, available

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "")

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
WATCHDOG_S = 1.0


class Notify:
    """The socket that systemd would read."""

    def __init__(self, work):
        self.path = str(work / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def next(self, timeout=5.0):
        """The fields of the next message, or None if none comes."""
        self.socket.settimeout(timeout)
        try:
            text = self.socket.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.splitlines())

    def drain(self):
        while self.next(0.001):
            pass


@pytest.fixture
def notify():
    with Workdir("notify") as work:
        one = Notify(work)
        yield one
        one.socket.close()


def start(**kwargs):
    return Switch(uplinks=(), guests={"vm1": {"vlan": 20}}, memory_mb=256, hugepages=False, **kwargs)


def worker_thread(pid):
    """The thread of the first worker, by the name that EAL gives it."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if "worker" in (task / "comm").read_text():
            return int(task.name)
    raise AssertionError("no worker")


class Stopped:
    """One thread that stands still while the others of its process go on."""

    def __init__(self, tid):
        self.tid, self.libc = tid, ctypes.CDLL(None, use_errno=True)
        self._ptrace(PTRACE_SEIZE)

    def __enter__(self):
        self._ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.tid, WALL)

    def __exit__(self, *_):
        self._ptrace(PTRACE_DETACH)

    def _ptrace(self, request):
        if self.libc.ptrace(request, self.tid, None, None) != 0:
            pytest.skip(f"ptrace is not allowed here: {os.strerror(ctypes.get_errno())}")


def test_systemd_hears_ready_watchdog_stopping(notify):
    with start(env={"NOTIFY_SOCKET": notify.path, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}) as switch:
        first = notify.next()
        assert first["READY"] == "1" and "1 guests" in first["STATUS"]
        for _ in range(4):
            assert notify.next() == {"WATCHDOG": "1"}
        switch.stop()
        left = []
        while (message := notify.next(0.1)) is not None:
            left.append(message)
        assert left[-1]["STOPPING"] == "1"
        assert all(message == {"WATCHDOG": "1"} for message in left[:-1])


def test_a_worker_that_hangs_is_not_covered_up(notify):
    with start(env={"NOTIFY_SOCKET": notify.path, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}) as switch:
        wait_for(lambda: notify.next() == {"WATCHDOG": "1"}, 10, "the first sign of life")
        with Stopped(worker_thread(switch.process.pid)):
            wait_for(lambda: "stands still" in switch.process.log_text(), 5, "the log tells", alive=switch.process)
            notify.drain()
            assert notify.next(1.5 * WATCHDOG_S) is None  # systemd's term has passed
            assert switch.ctl("show status")["version"]  # control goes on
        assert notify.next() == {"WATCHDOG": "1"}
        wait_for(lambda: "goes on again" in switch.process.log_text(), 5, "the log tells", alive=switch.process)
        assert switch.process.log_text().count("stands still") == 1
        switch.stop()


def test_without_a_watchdog_nobody_feeds_one(notify):
    with start(env={"NOTIFY_SOCKET": notify.path}) as switch:
        assert notify.next()["READY"] == "1"
        assert notify.next(1.5) is None
        switch.stop()
        assert notify.next()["STOPPING"] == "1"


def test_a_start_that_fails_is_never_ready(notify):
    with Workdir("failed") as work:
        argv = [DAEMON, "-l", "0,1", "--no-pci", "--no-telemetry", "--no-huge", "-m", "256", "--no-shconf", "--",
                "--control-socket", work / "c.sock", "--uplink", "net_tap7"]
        done = subprocess.run(argv, env={**os.environ, "NOTIFY_SOCKET": notify.path}, capture_output=True, timeout=30, check=False)
        assert done.returncode == 2
        assert notify.next(0.1) is None


# ---- the log ----

def log_of(switch, *needles):
    for needle in needles:
        wait_for(lambda n=needle: n in switch.process.log_text(), 5, f"{needle} in the log", alive=switch.process)
    return switch.process.log_text().splitlines()


def test_log_for_people():
    with start() as switch:
        switch.ctl("set igmp queries 3")
        lines = log_of(switch, "mcswitch: config: ")
        assert all(line.startswith("mcswitch: ") for line in lines), lines
        assert any("serving 0 uplinks and 1 guests" in line for line in lines)
        assert any("EAL: " in line for line in lines)  # DPDK speaks the same way
        switch.stop()


def test_log_for_the_journal():
    switch = start(start=False)
    with switch:
        switch.log.touch()
        stat = switch.log.stat()
        switch.env = {"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"}
        switch.start()
        switch.ctl("set igmp queries 3")
        lines = log_of(switch, "<6>config: ")
        assert all(re.match(r"<[3467]>", line) for line in lines), lines
        assert not any("mcswitch: " in line for line in lines)
        switch.stop()


def test_level(notify):
    del notify
    with Workdir("level") as work:
        argv = [DAEMON, "-l", "0,1", "--no-pci", "--no-telemetry", "--no-huge", "-m", "256", "--no-shconf", "--",
                "--control-socket", work / "c.sock", "--uplink", "net_tap7", "--log-level", "error"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 2
        assert "net_tap7" in done.stderr
        assert all(line.startswith("mcswitch: error: ") for line in done.stderr.splitlines()), done.stderr
        done = subprocess.run([DAEMON, "--", "--log-level", "loud", "--check"], capture_output=True, text=True, timeout=30,
                              check=False)
        assert done.returncode == 1 and "loud" in done.stderr and "warning" in done.stderr


def known_flaws():
    """By advisories.json and the version that the daemon names, in words of this test's own."""
    version = subprocess.run([DAEMON, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    major, minor, patch = re.search(r"DPDK (\d+)\.(\d+)\.(\d+)", version).groups()
    branch, found = f"{major}.{minor}", set()
    for one in json.loads((REPO / "app/mcswitch/advisories.json").read_text())["advisories"]:
        if branch in one["fixed"]:
            found |= {one["id"]} if int(patch) < int(one["fixed"][branch].split(".")[2]) else set()
        elif branch in one["present"]:
            found |= {one["id"]} if int(patch) <= int(one["present"][branch].split(".")[2]) else set()
    return found


def test_one_warning_names_what_dpdk_lacks():
    with start() as switch:
        warnings = [line for line in log_of(switch, "serving") if "lacks the fixes" in line]
        assert set(re.findall(r"CVE-\d+-\d+", " ".join(warnings))) == known_flaws()
        assert len(warnings) == bool(known_flaws())
        assert all(line.startswith("mcswitch: warning: ") for line in warnings)
        switch.stop()


def test_no_request_and_no_configuration_in_the_log():
    with start(config={"igmp": {"router_address": "10.77.77.77"}}) as switch:
        for word in ("show status", "show groups", "show ports"):
            switch.ctl(word)
        switch.stop()
        text = switch.process.log_text()
        assert "10.77.77.77" not in text and "jsonrpc" not in text and "groups" not in text
