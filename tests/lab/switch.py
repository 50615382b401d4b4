# SPDX-License-Identifier: BSD-3-Clause
"""
The daemon under test and its client.

    with Wire() as wire, Switch(wire, uplinks=["up0"], guests={"vm1": {"vlan": 0}}) as switch:
        wire.attach("up0")
        guest = switch.vguest("vm1", ip="10.0.0.1")
        guest.wait_up()
        switch.wait("show ports", lambda ports: ...)
        switch.check_law()
        switch.stop()

A test runs one switch with one worker, and two only where it is about two; idle workers sleep, so that tests can run side by side.
"""

import json
import re
import signal
import subprocess
from pathlib import Path

from .process import BUILD, LabError, Owned, Process, Workdir, locked, run, wait_for
from .vguest import VGuest
from .vm import Guest

DAEMON = BUILD / "app/mcswitch/mcswitch"
CLIENT = BUILD / "app/mcctl/mcctl"
NR_HUGEPAGES = Path("/proc/sys/vm/nr_hugepages")
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|LeakSanitizer: detected")

# The field names of `show status` that make the conservation law: rx + injected + references taken = tx + punted + sum of
# drops, with what waits in a ring between two workers in flight.
LAW_IN = ("rx", "injected", "references")
LAW_OUT = ("tx", "punted", "dropped", "in_flight")


class Hugepages(Owned):
    """
    Adds 2 MiB pages at run time, whoever else has some free, and takes them back. `ok` is false where the kernel has none to give.
    """

    def __init__(self, n_pages):
        self.added = 0
        with locked("hugepages"):
            before = int(NR_HUGEPAGES.read_text())
            self._set(before + n_pages)
            self.added = int(NR_HUGEPAGES.read_text()) - before
            self.ok = self.added >= n_pages
        super().__init__()

    @staticmethod
    def _set(n_pages):
        try:
            NR_HUGEPAGES.write_text(str(n_pages))
        except OSError:
            pass

    def _close(self):
        with locked("hugepages"):
            if self.added:
                self._set(max(0, int(NR_HUGEPAGES.read_text()) - self.added))


def eal_memory(hugepages, label, memory_mb):
    """EAL arguments for memory. --no-huge and --in-memory exclude each other, so each has its own way to leave no files."""
    if hugepages:
        return ["--in-memory"]
    return ["--no-huge", "-m", str(memory_mb), "--no-shconf", "--file-prefix", label]


def yaml(value, indent=0):
    """A configuration as YAML: dicts, lists, numbers, booleans and strings."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{key}:" + _yaml_rest(item, indent) for key, item in value.items())
    return "".join(f"{pad}- {_yaml_flow(item)}\n" for item in value)


def _yaml_rest(item, indent):
    if isinstance(item, dict) and item:
        return "\n" + yaml(item, indent + 1)
    if isinstance(item, list) and item and isinstance(item[0], dict):
        return "\n" + yaml(item, indent + 1)
    return f" {_yaml_flow(item)}\n"


def _yaml_flow(item):
    if isinstance(item, dict):
        return "{" + ", ".join(f"{key}: {_yaml_flow(value)}" for key, value in item.items()) + "}"
    if isinstance(item, (list, tuple)):
        return "[" + ", ".join(map(_yaml_flow, item)) + "]"
    if isinstance(item, bool):
        return "true" if item else "false"
    text = str(item)
    return json.dumps(text) if not isinstance(item, (int, float)) and not re.fullmatch(r"[A-Za-z_/][\w/.-]*", text) else text


class Refused(LabError):
    """mcctl answered with exit code 1: the daemon refused, and said why."""


class Switch(Owned):
    """
    One mcswitch. `uplinks`: names of TAPs that it creates in the namespace `ns` (None: the host's), or {name: EAL device
    arguments}. `guests`: {name: its configuration}; the socket is filled in. `config`: the rest of the configuration.
    `eal`: more EAL arguments, `memory`: others than eal_memory(). hugepages=False: without, as on a machine that has none to give. telemetry=True: with DPDK's
    telemetry socket; let env's RUNTIME_DIRECTORY name a place for it. Started at once unless start=False; then self.config can
    still be changed, and start() called. For configurations that must be refused: check().
    """

    def __init__(self, ns=None, uplinks=("up0",), guests=None, config=None, eal=(), lcores="0,1", memory_mb=1024,
                 hugepages=True, label="switch", start=True, env=None, telemetry=False, memory=None):
        self.memory = memory
        self.ns, self.label, self.lcores, self.memory_mb, self.env = ns, label, lcores, memory_mb, env
        self.eal_extra = list(eal) if telemetry else ["--no-telemetry", *eal]
        self.work = Workdir(label)
        self.socket, self.log = self.work / "control.sock", self.work / "log"
        self.vdevs, self.config = [], {"control_socket": str(self.socket), "idle_sleep_us": 50, **(config or {})}
        self._add_uplinks(uplinks)
        self.guests = {name: self._guest_settings(name, guest or {}) for name, guest in (guests or {}).items()}
        if self.guests:
            self.config["guests"] = [{"name": name, **guest} for name, guest in self.guests.items()]
        self.hugepages = Hugepages(memory_mb // 2) if hugepages else None
        self.process, self._guests, self._watches = None, [], []
        super().__init__()
        if start:
            try:
                self.start()
            except LabError:
                self.close()
                raise

    def _guest_settings(self, name, guest):
        return dict(guest) if "device" in guest else {"socket": str(self.work / f"{name}.sock"), **guest}

    def _add_uplinks(self, uplinks):
        rows = []
        named = uplinks if isinstance(uplinks, dict) else {name: None for name in uplinks}
        for i, (name, device) in enumerate(named.items()):
            device = device or f"net_tap{i},iface={name}"
            self.vdevs.append(device)
            rows.append({"name": name, "device": device.split(",")[0]})
        if rows:
            self.config["uplinks"] = rows

    # ---- life ----

    def argv(self):
        """The whole command line."""
        path = self.work / "mcswitch.yaml"
        path.write_text(yaml(self.config))
        argv = [DAEMON, "--lcores" if "@" in self.lcores else "-l", self.lcores, "--no-pci"]
        argv += self.memory or eal_memory(self.hugepages and self.hugepages.ok, self.work.path.name, self.memory_mb)
        for vdev in self.vdevs:
            argv += ["--vdev", vdev]
        return [*argv, *self.eal_extra, "--", "--config", path]

    def start(self, timeout=20.0):
        """Start (again) with the present self.config, and wait until the control socket answers."""
        self.process = Process(self.argv(), self.log, name=self.label, ns=self.ns, env=self.env)
        wait_for(self._answers, timeout, "the control socket answers", alive=self.process)

    def _answers(self):
        return self.socket.exists() and self._client(["--json", "show", "status"]).returncode == 0

    def check(self, config=None):
        """mcswitch --check of a configuration (default: this one's): (exit code, output)."""
        path = self.work / "check.yaml"
        path.write_text(config if isinstance(config, str) else yaml(config or self.config))
        done = subprocess.run([DAEMON, "--", "--check", "--config", path], capture_output=True, text=True, timeout=20,
                              check=False)
        return done.returncode, done.stdout + done.stderr

    def stop(self, timeout=10.0):
        """SIGTERM; asserts exit code 0, and that no sanitizer has spoken."""
        self.process.signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.process.close()
        self._no_sanitizer_report()
        if code != 0:
            raise LabError(f"exit code {code}, not 0\n{self.process.log_tail(60)}")

    def kill(self):
        """SIGKILL, as a crash. start() brings it back."""
        self.process.kill()
        self.process.close()

    def explain(self):
        """Logs of the daemon and of its guests, for a failing test."""
        parts = [one.explain() for one in self._guests if not one._closed]
        return "\n".join(filter(None, [self.process and self.process.log_tail(60), *parts]))

    def _no_sanitizer_report(self):
        if SANITIZER.search(self.process.log_text()):
            raise LabError(f"sanitizer report\n{self.process.log_text()[-8000:]}")

    def _close(self):
        for one in reversed(self._watches + self._guests):
            one.close()
        if self.process:
            self.process.close()
        if self.hugepages:
            self.hugepages.close()
        self.work.close()

    # ---- guests ----

    def vguest(self, name, **kwargs):
        """A VGuest on the guest port `name`; it connects or listens as the port's mode asks. MAC 52:54:00:00:00:01, 02..."""
        return self._guest(VGuest, name, kwargs)

    def vm(self, name, **kwargs):
        """A Guest in QEMU on the guest port `name`. Its QMP socket is in place if the port's configuration names it."""
        kwargs.setdefault("qmp", self.guests[name].get("qmp"))
        return self._guest(Guest, name, kwargs)

    def _guest(self, kind, name, kwargs):
        port = self.guests[name]
        kwargs.setdefault("listen", port.get("mode", "server") == "client")
        kwargs.setdefault("mac", port.get("mac") or f"52:54:00:00:00:{len(self._guests) + 1:02x}")
        guest = kind(port["socket"], name=name, **kwargs)
        self._guests.append(guest)
        return guest

    # ---- the client ----

    def _client(self, argv, timeout=10.0, stdin=None):
        argv = [CLIENT, "--socket", self.socket, *argv]
        return subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False, input=stdin,
                              stdin=None if stdin is not None else subprocess.DEVNULL)

    def ctl(self, command, timeout=10.0):
        """
        mcctl --json COMMAND: the parsed answer, or None if it has none. Refused if the daemon refuses, LabError for any other
        failure.
        """
        words = command.split() if isinstance(command, str) else list(command)
        done = self._client(["--json", *words], timeout)
        if done.returncode == 1:
            raise Refused((done.stderr or done.stdout).strip())
        if done.returncode:
            tail = self.process.log_tail() if self.process else ""
            raise LabError(f"mcctl {' '.join(words)}: exit {done.returncode}: {done.stderr}{tail}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def text(self, command, timeout=10.0):
        """mcctl COMMAND as a person sees it."""
        return run([CLIENT, "--socket", self.socket, *command.split()], timeout)

    def wait(self, command, condition, timeout=5.0, what=None):
        """Ask until condition(answer) is true, and return that answer."""
        last = [None]

        def ask():
            last[0] = self.ctl(command)
            return condition(last[0])
        wait_for(ask, timeout, lambda: f"{what or command}; last answer: {json.dumps(last[0])}", alive=self.process)
        self.wait_turn()
        return last[0]

    def wait_turn(self, timeout=5.0):
        """
        Until every worker has begun a turn after now, and so works with what is published: on a busy machine a worker may be
        off its core in the middle of a turn for long.
        """
        def turns():
            return [core["turns"] for core in self.ctl("show cores") if core["role"] == "worker"]
        begin = turns()
        wait_for(lambda: all(now > then + 1 for now, then in zip(turns(), begin)), timeout, "a turn of every worker",
                 every=0.002, alive=self.process)

    def groups(self, **match):
        """Rows of `show groups` whose fields have these values."""
        return [row for row in self.ctl("show groups") or [] if all(row.get(key) == value for key, value in match.items())]

    def wait_member(self, port, group, source="*", timeout=5.0, member=True):
        """
        Until `port` is (member=False: is not) listed as getting `group` from `source`: for "*" from everyone not excluded.
        """
        mode = "exclude" if source == "*" else "include"

        def listed(rows):
            return member == any((row["port"], row["group"], row["source"], row["mode"]) == (port, group, source, mode)
                                 for row in rows)
        return self.wait("show groups", listed, timeout, f"{port} {'in' if member else 'not in'} ({source}, {group})")

    def drops(self, port=None):
        """{reason: count} of the switch, or of one port; reasons that have counted nothing are left out."""
        return {row["name"]: row["count"] for row in self.ctl("show drops") if row["port"] == port and row["count"]}

    def watch(self, *words):
        """`mcctl watch --json` in the background: a Watch."""
        watch = Watch(self, words)
        self._watches.append(watch)
        return watch

    # ---- the law ----

    def law(self):
        """The two sides of the conservation law."""
        status = self.ctl("show status")
        return sum(status[key] for key in LAW_IN), sum(status[key] for key in LAW_OUT)

    def check_law(self, timeout=3.0):
        """Until both sides are equal; a frame in flight between two counters may make them differ for a moment."""
        last = [None]

        def holds():
            last[0] = self.law()
            return last[0][0] == last[0][1]
        wait_for(holds, timeout, lambda: f"rx + injected + references = tx + punted + drops: {last[0]}; {self.drops()}",
                 alive=self.process)


class Watch(Process):
    """Events as they happen, from `mcctl watch --json`: all from the moment when this is made."""

    def __init__(self, switch, words=()):
        self.switch = switch
        super().__init__([CLIENT, "--socket", switch.socket, "--json", "watch", *words], switch.work / "watch.log",
                         name="watch")
        try:
            wait_for(lambda: "mcctl: watching" in self.log_text(), 10, "the switch takes the watcher", every=0.005, alive=self)
        except LabError:
            self.close()
            raise

    def events(self):
        """All events so far, the oldest first."""
        return [json.loads(line) for line in self.log_text().splitlines(keepends=True)
                if line.startswith("{") and line.endswith("\n")]

    def expect(self, timeout=5.0, **match):
        """The first event whose fields have these values."""
        def found():
            return next((event for event in self.events() if all(event.get(key) == value for key, value in match.items())),
                        None)
        return wait_for(found, timeout, lambda: f"event {match}; came: {self.events()}", alive=self)


def available():
    """Is there a daemon to test? For pytest's skipif, with the reason."""
    missing = [str(path) for path in (DAEMON, CLIENT) if not path.exists()]
    return None if not missing else f"not built: {', '.join(missing)}"
