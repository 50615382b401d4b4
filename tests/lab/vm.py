# SPDX-License-Identifier: BSD-3-Clause
"""
A guest that is a real Linux kernel: QEMU without KVM, its network card on a vhost-user socket, and mcguest inside that obeys over a
serial line.

    with Guest("/run/vm1.sock", ip="192.168.20.101/24") as guest:
        guest.wait_ready()
        guest.join("239.1.1.1")
        guest.wait_stream("239.1.1.1", n=100)

Several may be started before the first is waited for: they boot side by side. QEMU runs at low priority, so that a switch that polls
keeps its time. Facts that shape the command line (lab.md): memory is a memfd shared with the switch; `vectors=0`, since
QEMU 7.2 crashes under TCG when a vhost-user card uses MSI-X.
"""

import json
import signal
import socket
import time
from pathlib import Path

from .process import LAB, LabError, Owned, Process, REPO, Workdir, run, wait_for

BOOT_TIMEOUT = 60.0
KERNEL_ARGUMENTS = "console=ttyS0 loglevel=4 panic=-1 no_timer_check mitigations=off tsc=reliable apparmor=0 random.trust_cpu=on"


def image():
    """(kernel, initramfs), built if they are not up to date; the first time this downloads a kernel package."""
    run([REPO / "tests/vm/guest/build-image"], timeout=300)
    return LAB / "vmlinuz", LAB / "initramfs.cpio.gz"


class LineSocket:
    """Lines of JSON over a Unix socket that QEMU, a Process, listens on: the serial line and QMP."""

    def __init__(self, path, name, process):
        self.name, self.buffer, self.path = name, b"", str(path)
        self.socket = socket.socket(socket.AF_UNIX)
        wait_for(self._connect, 10, f"QEMU's socket {path}", alive=process)

    def _connect(self):
        try:
            self.socket.connect(self.path)
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def send(self, text):
        self.socket.settimeout(10)
        self.socket.sendall(text.encode() + b"\n")

    def recv(self, timeout):
        """The next line that is a JSON object, or None."""
        end = time.monotonic() + timeout
        while True:
            while b"\n" in self.buffer:
                line, self.buffer = self.buffer.split(b"\n", 1)
                if line.strip().startswith(b"{"):
                    return json.loads(line)
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return None
            if not data:
                raise LabError(f"{self.name}: closed")
            self.buffer += data

    def close(self):
        self.socket.close()


class Qmp:
    """QEMU's monitor. Events that arrive are kept in `events`."""

    def __init__(self, path, name, process):
        self.line, self.events = LineSocket(path, name, process), []
        if self.line.recv(10) is None:
            raise LabError(f"{name}: no greeting")
        self.command("qmp_capabilities")

    def command(self, execute, timeout=20.0, **arguments):
        """The value returned. LabError if QEMU refuses."""
        request = {"execute": execute}
        if arguments:
            request["arguments"] = arguments
        self.line.send(json.dumps(request))
        end = time.monotonic() + timeout
        while True:
            reply = self.line.recv(max(0.0, end - time.monotonic()))
            if reply is None:
                raise LabError(f"qmp {execute}: no answer in {timeout:g} s")
            if "event" in reply:
                self.events.append(reply)
            elif "error" in reply:
                raise LabError(f"qmp {execute}: {reply['error']['desc']}")
            else:
                return reply["return"]

    def close(self):
        self.line.close()


class Guest(Owned):
    """
    One machine. `path`: its vhost-user socket, or a list of (path, mac) for several cards, or None for none. listen: QEMU owns the
    socket (the switch is the client), and waits for the switch before it boots. ip: "ADDR/LEN[,...]" of eth0, IPv4
    and IPv6. igmp, mld: force a version. vlans: {id: "ADDR/LEN"} for a trunk guest. qmp: one more QMP socket, for the switch. device: more
    properties of the card, as {"guest_announce": "off"}. incoming: a migration URI to wait on.
    """

    def __init__(self, path, listen=False, name=None, mac="52:54:00:00:00:01", ip=None, igmp=None, mld=None, vlans=None,
                 memory_mb=128, qmp=None, device=None, incoming=None, qemu=(), append="", ns=None):
        cards = path if isinstance(path, list) else [(path, mac)] if path else []
        self.name = name or (Path(cards[0][0]).stem if cards else "guest")
        self.mac, self.ip = mac, (ip or "").split("/")[0] or None
        self.work = Workdir(f"vm-{self.name}")
        self._n_asked, self._qmp, self._agent = 0, None, None
        self._joined = set()
        words = [KERNEL_ARGUMENTS, append]
        words += [f"mc.ip={ip}"] if ip else []
        words += [f"mc.igmp={igmp}"] if igmp else []
        words += [f"mc.mld={mld}"] if mld else []
        words += ["mc.vlan=" + ",".join(f"{vid}:{cidr}" if cidr else str(vid) for vid, cidr in vlans.items())] if vlans else []
        self.argv = self._machine(memory_mb, " ".join(filter(None, words)))
        for i, (socket_path, card_mac) in enumerate(cards):
            self.argv += self._card(i, socket_path, listen, card_mac, device or {})
        if qmp:
            self.argv += ["-qmp", f"unix:{qmp},server=on,wait=off"]
        if incoming:
            self.argv += ["-incoming", incoming]
        self.process = Process(["nice", "-n", "5", *self.argv, *qemu], self.work / "qemu.log", name=f"qemu {self.name}",
                               ns=ns)
        super().__init__()

    def _machine(self, memory_mb, append):
        kernel, initramfs = image()
        return ["qemu-system-x86_64", "-name", self.name, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-accel", "tcg,thread=single", "-cpu", "max", "-m", str(memory_mb), "-machine", "pc,memory-backend=mem",
                "-object", f"memory-backend-memfd,id=mem,size={memory_mb}M,share=on",
                "-kernel", str(kernel), "-initrd", str(initramfs), "-append", append,
                "-serial", f"file:{self.work / 'serial.log'}",
                "-chardev", f"socket,id=agent,path={self.work / 'agent.sock'},server=on,wait=off", "-serial", "chardev:agent",
                "-qmp", f"unix:{self.work / 'qmp.sock'},server=on,wait=off"]

    @staticmethod
    def _card(i, path, listen, mac, device):
        chardev = f"socket,id=chr{i},path={path}" + (",server=on,wait=off" if listen else ",reconnect=1")
        properties = "".join(f",{key}={value}" for key, value in device.items())
        return ["-chardev", chardev, "-netdev", f"vhost-user,id=net{i},chardev=chr{i}",
                "-device", f"virtio-net-pci,id=nic{i},netdev=net{i},mac={mac},vectors=0{properties}"]

    # ---- life ----

    def wait_ready(self, timeout=BOOT_TIMEOUT):
        """Until the kernel is up, addresses are set and the agent answers. Returns self."""
        end = time.monotonic() + timeout
        self._agent = self._agent or LineSocket(self.work / "agent.sock", self.name, self.process)
        while not self._hello():
            if not self.process.running():
                raise LabError(f"{self.name} ended\n{self.logs()}")
            if time.monotonic() > end:
                raise LabError(f"{self.name}: the agent does not answer within {timeout:g} s\n{self.logs()}")
        return self

    def _hello(self):
        try:
            return self._ask("hello", 0.25)
        except TimeoutError:  # nobody has read the line for long: a machine that waits for its core
            return None

    @property
    def qmp(self):
        """QEMU's monitor, connected at the first use."""
        if self._qmp is None:
            self._qmp = Qmp(self.work / "qmp.sock", f"{self.name} qmp", self.process)
        return self._qmp

    def logs(self):
        """What QEMU and the guest's kernel said, for a failing test."""
        serial = self.work / "serial.log"
        text = serial.read_text(errors="replace") if serial.exists() else ""
        return "\n".join([self.process.log_tail(), f"--- {serial} ---", *text.splitlines()[-40:]])

    explain = logs

    def stall(self):
        """Stop the whole of QEMU: rings and memory stay, nobody reads them."""
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL: the machine is gone in the middle of whatever it did."""
        self.process.kill()
        self.close()

    def _close(self):
        for line in (self._agent, self._qmp):
            if line:
                line.close()
        if self.process.running():
            self.process.kill()
        self.process.close()
        self.work.close()

    # ---- the agent ----

    def _ask(self, command, timeout):
        self._n_asked += 1
        asked = str(self._n_asked)
        self._agent.send(f"{asked} {command}")
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            reply = self._agent.recv(end - time.monotonic())
            if reply and reply.get("id") == asked:
                return reply
        return None

    def ask(self, command, timeout=15.0):
        """A command of mcguest's agent; its answer as a dict. LabError if it fails."""
        try:
            reply = self._ask(command, timeout)
        except LabError as error:
            raise LabError(f"{error}\n{self.logs()}") from error
        if reply is None:
            raise LabError(f"{self.name}: no answer to '{command}' in {timeout:g} s\n{self.logs()}")
        if not reply["ok"]:
            raise LabError(f"{self.name}: {command}: {reply['error']}")
        return reply

    def _membership(self, verb, group, source, dev):
        self.ask(" ".join(filter(None, [verb, group, source, f"dev={dev}" if dev else None])))

    def join(self, group, source=None, dev=None):
        self._membership("join", group, source, dev)
        self._joined.add((group, source, dev))

    def leave(self, group, source=None, dev=None):
        self._membership("leave", group, source, dev)
        self._joined.discard((group, source, dev))

    def block(self, group, source, dev=None):
        self._membership("block", group, source, dev)

    def unblock(self, group, source, dev=None):
        self._membership("unblock", group, source, dev)

    def stats(self):
        """{"streams": received, by source and group; "seen": frames that reached the card; "sent": streams sent}."""
        return self.ask("stats")

    def reset(self):
        self.ask("reset")

    def stream(self, group, source=None, port=5000):
        """The row of one received stream, or None: packets, lost, duplicates, late, max_gap_us, gap_after, first, last..."""
        return next((row for row in self.stats()["streams"] if row["group"] == group and row["port"] == port
                     and source in (None, row["source"])), None)

    def wait_stream(self, group, n=1, source=None, timeout=10.0):
        """Until n datagrams to the group have been received (since reset()); returns the row."""
        def enough():
            row = self.stream(group, source)
            return row if row and row["packets"] >= n else None
        return wait_for(enough, timeout, lambda: f"{self.name}: {n} datagrams to {group}: {self.stats()}\n{self._kernel_says()}", every=0.05,
                        alive=self.process)

    def _kernel_says(self):
        """Of frames that reach the card and not the socket: what its kernel dropped, and whether it is a member at all."""
        return self.sh("cat /proc/net/snmp /proc/net/igmp /proc/net/softnet_stat", check=False)

    def wait_drained(self, group, timeout=10.0):
        """Until two looks, a fifth of a second apart, see the same number of frames to the group: the ring is empty."""
        last = [None]

        def same():
            before, last[0] = last[0], self.seen(group)
            return before == last[0]
        wait_for(same, timeout, f"{self.name}: no more frames to {group}", every=0.2, alive=self.process)

    def forget(self):
        """Leave every group that is still joined, whatever a failed test left behind."""
        for group, source, dev in sorted(self._joined, key=str):
            self.leave(group, source, dev)

    def seen(self, group, vlan=None):
        """How many frames to the group have reached the card, member or not: what the switch let through."""
        return sum(row["packets"] for row in self.stats()["seen"]
                   if row.get("group") == group and vlan in (None, row["vlan"]))

    def send(self, group, rate=100, count=0, port=5000, **options):
        """Start a stream of numbered datagrams; count 0 runs until stop_sending()."""
        extra = " ".join(f"{key}={value}" for key, value in options.items())
        self.ask(f"send {group} {port} {rate} {count} {extra}")

    def stop_sending(self):
        return self.ask("stop")["sent"]

    def ping(self, address, wait=2):
        return self.ask(f"ping {address} wait={wait}", wait + 15)["exit"] == 0

    def sh(self, command, timeout=15.0, check=True):
        """Output of a shell command inside."""
        reply = self.ask(f"sh {command}", timeout)
        if check and reply["exit"]:
            raise LabError(f"{self.name}: {command}: exit {reply['exit']}: {reply['output']}")
        return reply["output"]

    # ---- QEMU ----

    def rx_filter(self, card=0):
        """query-rx-filter of one card."""
        return self.qmp.command("query-rx-filter", name=f"nic{card}")[0]

    def set_link(self, up, card=0):
        self.qmp.command("set_link", name=f"nic{card}", up=up)

    def migrate(self, to, timeout=60.0):
        """Migrate to `to`, a Guest started with incoming="unix:PATH"; returns when that one runs."""
        uri = to.argv[to.argv.index("-incoming") + 1]
        wait_for(Path(uri.removeprefix("unix:")).exists, 20, "the destination listens", alive=to.process)
        self.qmp.command("migrate", uri=uri)
        state = wait_for(self._migrated, timeout, "migration", every=0.05, alive=self.process)
        if state != "completed":
            raise LabError(f"migration {state}\n{self.logs()}\n{to.logs()}")
        wait_for(lambda: to.qmp.command("query-status")["running"], 20, "the destination runs", alive=to.process)

    def _migrated(self):
        state = self.qmp.command("query-migrate").get("status")
        return state if state in ("completed", "failed", "cancelled") else None
