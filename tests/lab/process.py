# SPDX-License-Identifier: BSD-3-Clause
"""
Processes, bounded waits and clean-up.

Everything that outlives a call (a process, a namespace, a directory) is on one list and is undone in reverse order: when
its owner closes it, when the program ends, on an exception, SIGINT or SIGTERM. Children carry a parent-death signal, so
even SIGKILL of the test leaves no process behind; namespaces and directories that it leaves are swept by the next run
(netns.sweep).
"""

import atexit
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MCS_BUILD", REPO / "build"))
LAB = BUILD / "lab"

PREFIX = "mcs"  # of namespaces and directories: mcs<pid>-<label>
_open = []


class LabError(Exception):
    """The laboratory failed, or a bounded wait ran out; the message says what was waited for."""


def on_exit(close):
    """Put close() on the list of things to undo; returns it, for forget()."""
    if not _open and threading.current_thread() is threading.main_thread():
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _open.append(close)
    return close


def forget(close):
    """close() was called, or will be by someone else."""
    if close in _open:
        _open.remove(close)


@atexit.register
def close_all():
    """Undo everything still open, the newest first. One failure does not keep the rest from being undone."""
    while _open:
        close = _open.pop()
        try:
            close()
        except Exception as error:  # noqa: BLE001 - the rest must still be undone
            print(f"lab: clean-up: {error}", file=sys.stderr)


class Owned:
    """
    Something that is closed exactly once: by its owner, by `with`, or at exit. Subclasses define _close(), and explain(), the text that
    is shown when a `with` block ends in an exception.
    """

    def __init__(self):
        self._closed = False
        on_exit(self.close)

    def close(self):
        if not self._closed:
            self._closed = True
            forget(self.close)
            self._close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None and not self._closed and self.explain():
            print(self.explain(), file=sys.stderr)
        self.close()

    def explain(self):
        return ""


def wait_for(condition, timeout=5.0, what="condition", every=0.02, alive=None):
    """
    Wait until condition() is true and return its value. LabError after `timeout` seconds, naming `what` (text, or a
    function that gives it); at once if `alive`, a Process, has ended.
    """
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if alive is not None and alive.poll() is not None:
            raise LabError(f"{alive.name} ended with {alive.poll()} before: {what}\n{alive.log_tail()}")
        if time.monotonic() >= end:
            text = what() if callable(what) else what
            raise LabError(f"not within {timeout:g} s: {text}" + (f"\n{alive.log_tail()}" if alive else ""))
        time.sleep(every)


def run(argv, timeout=20.0, check=True, stdin=None):
    """Run a command to its end and return its standard output. LabError if it fails (check) or takes too long."""
    argv = [str(word) for word in argv]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, input=stdin,
                              stdin=None if stdin is not None else subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(argv)}: not done in {timeout:g} s") from error
    if check and done.returncode:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def alive(pid):
    """Does the process exist, and is more than a zombie?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def abandoned(name):
    """Is this the name of a namespace or directory whose maker has died?"""
    pid = name.removeprefix(PREFIX).split("-")[0]
    return name.startswith(PREFIX) and pid.isdigit() and not alive(pid)


class Workdir(Owned):
    """
    A directory for sockets and logs, with a short path (a Unix socket's path holds 107 bytes). Removed when closed,
    unless MCS_KEEP is set.
    """

    def __init__(self, label="lab"):
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{label}-", dir="/tmp"))
        super().__init__()

    def __truediv__(self, name):
        return self.path / name

    def __fspath__(self):
        return str(self.path)

    def __str__(self):
        return str(self.path)

    def _close(self):
        if os.environ.get("MCS_KEEP"):
            print(f"lab: kept {self.path}", file=sys.stderr)
        else:
            shutil.rmtree(self.path, ignore_errors=True)


class Process(Owned):
    """A process in the background, its output in a log file. In a namespace if `ns` is given."""

    def __init__(self, argv, log, name=None, ns=None, pass_fds=(), stdin=None, stdout=None, env=None):
        argv = [str(word) for word in argv]
        self.name = name or os.path.basename(argv[0])
        self.log = Path(log)
        prefix = ["setpriv", "--pdeathsig", "KILL"] + (["ip", "netns", "exec", str(ns)] if ns else [])
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen(prefix + argv, stdin=stdin or subprocess.DEVNULL, stdout=stdout or out,
                                          stderr=out, pass_fds=pass_fds, start_new_session=True,
                                          env={**os.environ, **env} if env else None)
        self.pid = self.popen.pid
        super().__init__()

    def poll(self):
        return self.popen.poll()

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        if self.running():
            os.kill(self.pid, number)

    def wait(self, timeout=10.0):
        """Exit code; negative for a signal. LabError if it does not end."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{self.name} did not end in {timeout:g} s\n{self.log_tail()}") from error

    def terminate(self, timeout=5.0):
        """SIGTERM, then SIGKILL if it does not listen. Returns the exit code."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.popen.wait(5)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, n_lines=30):
        lines = self.log_text().splitlines()[-n_lines:]
        return "\n".join([f"--- {self.name}: last lines of {self.log} ---", *lines])

    def _close(self):
        if self.running():
            self.terminate(2.0)


@contextmanager
def locked(name):
    """One process at a time: for what several test runs share (built files, hugepages)."""
    LAB.mkdir(parents=True, exist_ok=True)
    with open(LAB / f".{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def built(name, directory):
    """Path of build/lab/NAME, compiled from the C files of the repository's `directory` if any is newer."""
    directory, target = REPO / directory, LAB / name
    newest = max(path.stat().st_mtime for path in directory.iterdir())
    with locked("build"):
        if not target.exists() or target.stat().st_mtime < newest:
            run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-o", f"{target}.new",
                 *sorted(directory.glob("*.c"))], timeout=120)
            os.replace(f"{target}.new", target)
    return target
