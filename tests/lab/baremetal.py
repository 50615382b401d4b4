# SPDX-License-Identifier: BSD-3-Clause
"""
A host without its metal: a machine in QEMU whose NICs DPDK drives through an IOMMU, as on bare metal. Inside runs what `meson install` places,
and a kernel that is the switch's guest by a TAP; outside, each NIC ends in a TAP on the bridge of the wire.

    +------------ BareMetal (q35, intel-iommu, two nodes) -----------+            +------- Wire -------+
    | mcguest -- TAP host0 == mcswitch -- vfio-pci -- NIC 01:00.0 --------- TAP up0 --+                |
    |                            \\------- vfio-pci -- NIC 02:00.0 --------- TAP up1 --+-- br0 -- hosts |
    +----------------------------------------------------------------+            +--------------------+

No KVM: two emulated processors on two real ones. What takes how long in here is the emulation's, not the switch's.
"""

import base64
import json
import re

from . import vguest
from .process import LAB, REPO, LabError, run, wait_for
from .vm import KERNEL_ARGUMENTS, Guest

NICS = ("0000:01:00.0", "0000:02:00.0")
PATH = "export PATH=/bin:/usr/local/sbin:/usr/local/bin:/usr/bin"
LOG, EXIT = "/run/mcswitch.log", "/run/mcswitch.exit"


class BareMetal(Guest):
    """The machine, and the daemon in it. `driver`: QEMU's name of the NICs."""

    def _nic(self, i):
        """Properties of a NIC, as QMP takes them too. virtio's frames go by the IOMMU only if it says so."""
        virtio = {"iommu_platform": True, "disable-legacy": "on"} if self.driver == "virtio-net-pci" else {}
        return {"driver": self.driver, "id": f"nic{i}", "netdev": f"net{i}", "bus": f"rp{i}", "mac": f"52:54:00:00:01:0{i}", **virtio}

    def __init__(self, wire, driver, memory_mb=1024):
        self.driver, self.wire = driver, wire
        nics = []
        for i in range(2):
            nics += ["-device", f"pcie-root-port,id=rp{i},chassis={i + 1},addr={i + 4}",
                     "-netdev", f"tap,id=net{i},ifname=up{i},script=no,downscript=no",
                     "-device", json.dumps(self._nic(i))]
        super().__init__(None, name=f"metal-{driver}", memory_mb=memory_mb, qemu=nics, ns=wire, append="intel_iommu=on iommu=pt")
        self.ip = "192.168.20.101"
        wire.attach("up0", "up1", alive=self.process)

    def _machine(self, memory_mb, append):
        vguest.program()
        run([REPO / "tests/vm/baremetal/build-image"], timeout=300)
        half = memory_mb // 2
        nodes = [word for i in range(2) for word in (
            "-object", f"memory-backend-memfd,id=mem{i},size={half}M", "-numa", f"node,nodeid={i},cpus={i},memdev=mem{i}")]
        return ["qemu-system-x86_64", "-name", self.name, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(memory_mb),
                "-machine", "q35,kernel-irqchip=off", "-device", "intel-iommu,intremap=on,caching-mode=on", *nodes,
                "-kernel", str(LAB / "vmlinuz"), "-initrd", str(LAB / "baremetal.cpio.gz"), "-append", f"{KERNEL_ARGUMENTS} {append}",
                "-serial", f"file:{self.work / 'serial.log'}",
                "-chardev", f"socket,id=agent,path={self.work / 'agent.sock'},server=on,wait=off", "-serial", "chardev:agent",
                "-qmp", f"unix:{self.work / 'qmp.sock'},server=on,wait=off"]

    def plug(self, i):
        """Plug a NIC in again that device_del took; False while QEMU still has it."""
        try:
            self.qmp.command("device_add", **self._nic(i))
            return True
        except LabError as error:
            if "uplicate" in str(error) or "already" in str(error) or "in use" in str(error):
                return False
            raise

    def cut(self, i):
        """Cut a cable: both its ends are dark. (With QEMU's end alone the TAP keeps frames for when it is back, as no wire does.)"""
        self.wire.down(f"up{i}")
        self.set_link(False, card=i)

    def mend(self, i):
        self.set_link(True, card=i)
        self.wire.up(f"up{i}")

    # ---- inside ----

    def command(self, line, timeout=30.0, check=True):
        """Output of a command line, with the paths of an installed switch."""
        return self.sh(f"{PATH}; {line}", timeout, check)

    def put(self, name, text):
        """Write a file inside. A line of the agent holds 8 KiB."""
        encoded = base64.b64encode(text.encode()).decode()
        self.command(f"mkdir -p $(dirname {name}); rm -f {name}.64")
        for at in range(0, len(encoded), 4096):
            self.command(f"echo {encoded[at:at + 4096]} >> {name}.64")
        self.command(f"base64 -d {name}.64 > {name}; rm {name}.64")

    def udev(self):
        """There is no udevd: do to vfio's devices what host-setup's rule says."""
        group, mode = re.search(r'^SUBSYSTEM=="vfio", GROUP="(\w+)", MODE="(\d+)"$', self.command("cat /etc/udev/rules.d/60-mcswitch.rules"),
                                re.M).groups()
        self.command(f"chgrp {group} /dev/vfio/[0-9]* && chmod {mode} /dev/vfio/[0-9]*")

    def drivers(self):
        """{address: the kernel's driver of it}"""
        text = self.command("for d in /sys/bus/pci/devices/*; do [ -L $d/driver ] && echo ${d##*/} $(readlink $d/driver); done; true")
        return {row.split()[0]: row.split()[1].rsplit("/", 1)[1] for row in text.splitlines()}

    def start(self, line):
        """A launch line, in the background; until the daemon serves."""
        self.command(f"rm -f {EXIT}; {{ {line} > {LOG} 2>&1; echo $? > {EXIT}; }} >/dev/null 2>&1 &")

        def serves():
            log = self.log()
            assert not self.command(f"cat {EXIT} 2>/dev/null; true").strip(), log
            return "mcswitch: serving" in log
        wait_for(serves, 60, lambda: f"the switch serves:\n{self.log()}", every=0.2, alive=self.process)

    def log(self):
        return self.command(f"cat {LOG}")

    def stop(self):
        """SIGTERM; its exit code."""
        self.command("kill $(pidof mcswitch)")
        return int(wait_for(lambda: self.command(f"cat {EXIT} 2>/dev/null; true").strip(), 30, self.log, every=0.2, alive=self.process))

    def explain(self):
        try:
            return f"{self.logs()}\n--- {LOG} ---\n{self.log()}"
        except Exception:  # noqa: BLE001 - the machine may be gone
            return self.logs()

    def ctl(self, words):
        """`mcctl --json`, parsed."""
        return json.loads(self.command(f"mcctl --json {words}"))

    def wait_ctl(self, words, condition, timeout=20.0, what=None):
        """Until condition(reply); the reply."""
        last = [None]

        def holds():
            last[0] = self.ctl(words)
            return condition(last[0])
        wait_for(holds, timeout, lambda: f"{what or words}: {last[0]}\n{self.log()}", every=0.1, alive=self.process)
        return last[0]

    def uplink(self, name):
        return next(row for row in self.ctl("show uplinks") if row["name"] == name)

    def carrier(self):
        """The uplink that carries the guest."""
        return next(row["carrier"] for row in self.ctl("show ports") if row["name"] == "host0")
