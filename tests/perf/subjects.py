# SPDX-License-Identifier: BSD-3-Clause
"""
What is measured. A subject serves N vhost-user sockets and replays the source on core 1; one class each, all with the same few
verbs, so that another switch can be added as one more class.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import time

import source

SUBJECT_CORE = 1
SINK_CORE = 0
DPDK_OVS = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
OVS_MEMORY_MIB = 1024
COUNTS_LIMIT_S = 6  # the last query for a group left comes two seconds after the leave (RFC 3376, 8.10)
BURST = 32  # frames that a worker takes from a port at once


class BenchError(Exception):
    """Something that ends one run, with the sentence to print."""


def die_with_parent():
    """A child's last act before exec: SIGTERM if the benchmark dies, however it dies."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Process:
    """A child with a log file, that is always ended by its own pid."""

    def __init__(self, name, argv, log_path, env=None, stdout=None):
        self.name = name
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=stdout or log, stderr=log, env=env, preexec_fn=die_with_parent
            )
        self.pid = self.child.pid

    def is_running(self):
        return self.child.poll() is None

    def log_tail(self, n_lines=5):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return "\n".join(f.read().splitlines()[-n_lines:])

    def stop(self):
        for send in (self.child.terminate, self.child.kill):
            if self.child.poll() is not None:
                break
            send()
            try:
                self.child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                continue
        if self.child.stdout:
            self.child.stdout.close()


def wait_for(what, condition, processes, limit_s=30.0):
    """Waits until the condition holds; BenchError if one of the processes ends before, or time does."""
    deadline = time.monotonic() + limit_s
    while not condition():
        for process in processes:
            if not process.is_running():
                code = process.child.returncode
                how = f"by signal {-code}" if code < 0 else f"with code {code}"
                raise BenchError(f"{process.name} ended {how} while the benchmark waited for {what}:\n{process.log_tail()}")
        if time.monotonic() > deadline:
            tail = processes[0].log_tail() if processes else ""
            raise BenchError(f"no {what} within {limit_s:.0f} s:\n{tail}")
        time.sleep(0.1)


class Subject:
    """The verbs, in the order of use. `case` is a case.Case; `place` has build and work directories."""

    name = ""
    source_period = 0  # of the frame numbers, for the sink's --verify; 0: as many as the groups joined

    def __init__(self, place, case):
        self.case = case
        self.build = place.build
        self.dir = os.path.join(place.work, self.name.replace(" ", "-"))
        self.processes = []
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)

    def pcap(self):
        """The file with the source's frames."""
        path = os.path.join(self.dir, "source.pcap")
        source.write_pcap(path, self.case)
        return path

    def feed_socket(self):
        """Where the sink's feeder connects to, if the case has one."""
        return os.path.join(self.dir, "feed")

    def all_sockets(self):
        guests = [f"{self.sockets()}{i}" for i in range(self.case.n)]
        return guests + [self.feed_socket()] if self.case.feed else guests

    @classmethod
    def missing(cls, place):
        """Why the subject cannot run here, or None."""
        return None

    def sockets(self):
        """The prefix of the guests' sockets: guest i's is <prefix>i."""
        return os.path.join(self.dir, "g")

    def spawn(self, name, argv, env=None):
        process = Process(name, argv, os.path.join(self.dir, f"{name}.log"), env)
        self.processes.append(process)
        return process

    def start(self):
        """Starts it, and returns when its sockets are there."""
        longest = f"{self.sockets()}{self.case.n - 1}"
        if len(longest) > 107:
            raise BenchError(f"{longest}: too long for a Unix socket; build in a directory with a shorter name")
        self.launch()
        wait_for(
            "sockets",
            lambda: all(os.path.exists(path) for path in self.all_sockets()),
            self.processes,
        )

    def launch(self):
        raise NotImplementedError

    def n_joined(self):
        """How many (group, guest) memberships it knows, or None if it does not keep any."""
        return None

    def counters(self, recount):
        """After the run, with rings full and the sink standing still: (facts to keep, complaints). recount() is the guests' counts now."""
        return {}, []

    def worker_pid(self):
        return self.processes[-1].pid

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


class Limit(Subject):
    """L and M: limits.c, which needs no source and no membership."""

    method = ""
    source_period = 32

    @classmethod
    def missing(cls, place):
        path = os.path.join(place.build, "tests/perf/limits")
        return None if os.access(path, os.X_OK) else f"{path} is not built"

    def launch(self):
        eal = ["-l", str(SUBJECT_CORE), "--no-pci", "--in-memory", "-m", "64"]
        ours = ["--sockets", self.sockets(), "--method", self.method, "-n", str(self.case.n), "--size", str(self.case.size)]
        self.spawn("limits", [os.path.join(self.build, "tests/perf/limits"), *eal, "--", *ours])


class LibraryLimit(Limit):
    name = "L"
    method = "library"


class MachineOrdinary(Limit):
    name = "M ordinary"
    method = "ordinary"


class MachineNontemporal(Limit):
    name = "M non-temporal"
    method = "nontemporal"


class Ovs(Subject):
    """OVS-DPDK with multicast snooping: its own database, directories and control sockets, never the system's service."""

    name = "ovs"

    @classmethod
    def missing(cls, place):
        for path in (DPDK_OVS, OVS_SCHEMA):
            if not os.path.exists(path):
                return f"{path} is not there (package openvswitch-switch-dpdk)"
        return None

    def command(self, *argv):
        try:
            done = subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=20, check=False)
        except subprocess.TimeoutExpired as slow:
            raise BenchError(f"{argv[0]} does not answer") from slow
        if done.returncode != 0:
            raise BenchError(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def vsctl(self, *argv):
        return self.command("ovs-vsctl", f"--db=unix:{self.dir}/db.sock", "--timeout=15", *argv)

    def appctl(self, *argv):
        return self.command("ovs-appctl", "-t", f"{self.dir}/vswitchd.ctl", "--timeout=15", *argv)

    def launch(self):
        dirs = ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR")
        self.env = dict(os.environ, **{name: self.dir for name in dirs})
        database = f"{self.dir}/conf.db"
        self.command("ovsdb-tool", "create", database, OVS_SCHEMA)
        server = ["ovsdb-server", database, f"--remote=punix:{self.dir}/db.sock", f"--unixctl={self.dir}/ovsdb.ctl"]
        self.spawn("ovsdb-server", server, self.env)
        wait_for("database", lambda: os.path.exists(f"{self.dir}/db.sock"), self.processes)
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", *self.settings())
        self.spawn("ovs-vswitchd", [DPDK_OVS, f"unix:{self.dir}/db.sock", f"--unixctl={self.dir}/vswitchd.ctl"], self.env)
        self.vsctl(*self.bridge())
        guests = [f"g{i}" for i in range(self.case.n)]
        for name in guests + ["feed"] if self.case.feed == "guest" else guests:
            self.vsctl("add-port", "br0", name, "--", "set", "Interface", name, "type=dpdkvhostuser")
        if self.case.feed == "uplink":
            self.source_add(f"net_vhost0,iface={self.feed_socket()}")

    def settings(self):
        return [
            "other_config:dpdk-init=true",
            f"other_config:pmd-cpu-mask={1 << SUBJECT_CORE:#x}",
            f"other_config:dpdk-lcore-mask={1 << SINK_CORE:#x}",
            f"other_config:dpdk-socket-mem={OVS_MEMORY_MIB}",
            "other_config:dpdk-extra=--no-pci --in-memory",
        ]

    def bridge(self):
        table_size = max(2048, 2 * self.case.groups)
        return [
            *["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", "mcast_snooping_enable=true"],
            "other_config:mcast-snooping-disable-flood-unregistered=true",
            f"other_config:mcast-snooping-table-size={table_size}",
        ]

    def start(self):
        super().start()
        # The source last: before its guests have joined, OVS would spend the time dropping. 22.11's net_pcap drops what is sent to it.
        if not self.case.feed:
            self.source_add(f"net_pcap0,rx_pcap={self.pcap()},infinite_rx=1")

    def source_add(self, vdev):
        self.vsctl("add-port", "br0", "source", "--", "set", "Interface", "source", "type=dpdk", f"options:dpdk-devargs=\"{vdev}\"")
        error = self.vsctl("get", "Interface", "source", "error").strip()
        if error != "[]":
            raise BenchError(f"OVS cannot open the source: {error}")

    def n_joined(self):
        rows = self.appctl("mdb/show", "br0").splitlines()
        return sum(1 for row in rows if re.search(r"\s239\.1\.\d+\.\d+\s", row))

    def counters(self, recount):
        """OVS has no counter of copies alone; what its worker did is worth keeping."""
        stats = self.appctl("dpif-netdev/pmd-stats-show")
        worker = stats.split("main thread")[0]
        facts = {}
        for key in ("packets received", "emc hits", "megaflow hits", "miss with success upcall", "avg. packets per output batch"):
            match = re.search(rf"{re.escape(key)}: ([\d.]+)", worker)
            if match:
                facts[key] = float(match[1])
        return facts, []


class Mcswitch(Subject):
    name = "mcswitch"

    @classmethod
    def missing(cls, place):
        for path in ("app/mcswitch/mcswitch", "app/mcctl/mcctl"):
            if not os.access(os.path.join(place.build, path), os.X_OK):
                return f"{os.path.join(place.build, path)} is not built"
        return None

    def uplink(self):
        """(device, vdev): what floods, what the feeder sends into, or what takes everything where a guest sends."""
        if self.case.feed == "uplink":
            return "net_vhost0", f"net_vhost0,iface={self.feed_socket()}"
        if self.case.feed == "guest":
            return "net_null0", "net_null0,no-rx=1"
        return "net_pcap0", f"net_pcap0,rx_pcap={self.pcap()},infinite_rx=1"

    def guest_line(self, name, socket, trunk):
        # Defaults, but for the quotas: the sink joins faster than a guest should.
        limits = f"{{groups: {min(65536, max(8192, 2 * self.case.groups))}, sources: 64, reports_per_s: 0}}"
        vlan = f"trunk: [{self.case.vlan}]" if trunk else f"vlan: {self.case.vlan}"
        return f"  - {{name: {name}, socket: {socket}, mode: server, {vlan}, limits: {limits}}}"

    def config(self):
        case = self.case
        lines = [f"control_socket: {self.dir}/control.sock"]
        if case.fast_leave:
            lines += ["vlans:", f"  - {{id: {case.vlan}, fast_leave: true}}"]
        lines += ["uplinks:", f"  - {{name: up0, device: {self.uplink()[0]}}}", "guests:"]
        for i in range(case.n):
            trunk = case.trunk_from is not None and i >= case.trunk_from
            lines.append(self.guest_line(f"g{i}", f"{self.sockets()}{i}", trunk))
        if case.feed == "guest":
            lines.append(self.guest_line("feeder", self.feed_socket(), False))
        return "\n".join(lines) + "\n"

    def lcores(self):
        """The control lcore, then the workers; on two cores the second worker shares one with the sink."""
        extra = (os.cpu_count() or 2) > 2
        cores = [SUBJECT_CORE] + [2 + i if extra else SINK_CORE for i in range(self.case.workers - 1)]
        return ",".join([f"0@{SINK_CORE}", *(f"{i}@{core}" for i, core in enumerate(cores, 1))])

    def launch(self):
        path = os.path.join(self.dir, "mcswitch.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.config())
        eal = ["--lcores", self.lcores(), "--no-pci", "--in-memory", "--vdev", self.uplink()[1]]
        self.spawn("mcswitch", [os.path.join(self.build, "app/mcswitch/mcswitch"), *eal, "--", "--config", path])

    def start(self):
        super().start()
        wait_for("control socket", lambda: os.path.exists(f"{self.dir}/control.sock"), self.processes)

    def mcctl(self, *argv):
        command = [os.path.join(self.build, "app/mcctl/mcctl"), "--socket", f"{self.dir}/control.sock", *argv, "--json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        except subprocess.TimeoutExpired as slow:
            raise BenchError(f"{' '.join(command)} does not end") from slow
        if done.returncode != 0:
            raise BenchError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return json.loads(done.stdout)

    def n_joined(self):
        if self.case.n_memberships > 16384:  # too many to list again and again
            return self.mcctl("show", "status")["rows"]
        rows = self.mcctl("show", "groups")
        return sum(1 for row in rows if row["group"].startswith("239.") and re.fullmatch(r"g\d+", row["port"]))

    def counters(self, recount):
        """The switch's count of frames sent to each guest must be the guest's count of frames written, to the frame; and the law."""
        law, complaints = self.law()
        ports, unequal = self.compared(recount)
        facts = {"ports": list(ports.values()), "drops": self.mcctl("show", "drops"), "law": law, "cores": self.mcctl("show", "cores")}
        return facts, (complaints + unequal)[:3]

    def compared(self, recount):
        """Where rings have room, a query may come between two counts: they are compared until they are equal, or time is up."""
        deadline = time.monotonic() + COUNTS_LIMIT_S
        while True:
            ports = {row["name"]: row for row in self.mcctl("show", "ports")}
            unequal = []
            for i, written in enumerate(recount()):
                sent = ports.get(f"g{i}", {}).get("tx_packets")
                if sent != written:
                    unequal.append(f"g{i}: the switch says {sent} frames sent, the guest {written}")
            if not unequal or time.monotonic() > deadline:
                return ports, unequal

    def law(self):
        """
        rx + injected + references = tx + punted + dropped + in flight. net_pcap never rests, so there the counters are read within a
        turn, and the sides may differ by what one turn of each worker moves; after a feeder they must be equal.
        """
        slack = 0 if self.case.feed else self.case.workers * BURST * (self.case.n + 2)
        deadline = time.monotonic() + 3
        while True:
            status = self.mcctl("show", "status")
            left = sum(status[name] for name in ("rx", "injected", "references"))
            right = sum(status[name] for name in ("tx", "punted", "dropped", "in_flight"))
            if abs(left - right) <= slack:
                return [left, right], []
            if time.monotonic() > deadline:
                return [left, right], [f"the conservation law: {left} came in, {right} went out"]
            time.sleep(0.05)


SUBJECTS = {
    "mcswitch": [Mcswitch],
    "ovs": [Ovs],
    "L": [LibraryLimit],
    "M": [MachineOrdinary, MachineNontemporal],
}
