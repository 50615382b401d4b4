# SPDX-License-Identifier: BSD-3-Clause
"""
tools/doctor on hosts that are trees of files: a good one, on which it finds nothing, and each of its findings provoked by one change.

    node 0: processors 0-3 (0,2 and 1,3 share cores), NIC 0000:3b:00.0      node 1: processors 4-7
    workers 2, 3 isolated with their siblings; QEMU "vm1" on /run/mcswitch/guests/vm1.sock
"""

import json
import os
import re
import socket
import subprocess
import sys

import pytest
from lab.process import REPO, Workdir
from lab.switch import DAEMON, available

sys.path.insert(0, str(REPO / "tools/doctor.d"))
from findings import FINDINGS  # noqa: E402

NIC = "0000:3b:00.0"
PCI = f"sys/bus/pci/devices/{NIC}"
ENABLED = "etc/systemd/system/multi-user.target.wants/mcswitch-host.service"
SOCKET = "/run/mcswitch/guests/vm1.sock"
CONFIG = f"""
uplinks: [{{name: up0, device: "{NIC}"}}]
guests: [{{name: vm1, socket: {SOCKET}, vlan: 20}}]
"""
QEMU = ("qemu-system-x86_64 -name vm1 -accel kvm -m 1024 -object memory-backend-memfd,id=mem,size=1024M,share=on "
        f"-machine q35,memory-backend=mem -chardev socket,id=chr0,path={SOCKET},reconnect=1 "
        "-netdev vhost-user,id=net0,chardev=chr0 -device virtio-net-pci,netdev=net0").split(" ")
LIBVIRT = ["/usr/bin/qemu-system-x86_64", "-name", "guest=vm1,debug-threads=on", "-machine",
           "pc-q35-7.2,usb=off,memory-backend=pc.ram", "-accel", "kvm", "-m", "1024", "-object",
           '{"qom-type":"memory-backend-memfd","id":"pc.ram","share":true,"size":1073741824}', "-chardev",
           f"socket,id=charnet0,path={SOCKET},reconnect=1", "-netdev",
           '{"type":"vhost-user","chardev":"charnet0","id":"hostnet0"}', "-device",
           '{"driver":"virtio-net-pci","netdev":"hostnet0","id":"net0","bus":"pci.1"}']
STATUS = "Package: librte-vhost23\nStatus: install ok installed\nVersion: 22.11.99-1\n"


class Tree:
    """A host without faults."""

    def __init__(self, root):
        self.root = root
        self.put("proc/cpuinfo", "vendor_id : GenuineIntel")
        self.put("etc/default/mcswitch", f'#MCSWITCH_EAL="-l 9"\nMCSWITCH_EAL="-l 1,2,3 --in-memory -a {NIC}"\n')
        self.put("etc/passwd", "root:x:0:0::/root:/bin/sh\nlibvirt-qemu:x:64055:105::/:/bin/false\n")
        self.put("etc/group", "mcswitch:x:990:\nmcswitch-guests:x:991:libvirt-qemu,mcswitch\n")
        self.put("var/lib/dpkg/status", STATUS)
        self.memory()
        self.processors()
        self.nic()
        self.put("sys/bus/pci/drivers/vfio-pci/bind", "")
        self.put("sys/class/iommu/dmar0/name", "")
        self.put("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N")
        self.process(100, QEMU)
        self.put("proc/100/numa_maps", "7f0 default file=/memfd:memory-backend-memfd\\040(deleted) dirty=9 N0=9 N1=1\n7f1 default N1=900\n")
        self.listen(SOCKET)

    def memory(self):
        for directory in ("sys/kernel/mm", "sys/devices/system/node/node0", "sys/devices/system/node/node1"):
            for name in ("nr_hugepages", "free_hugepages"):
                self.put(f"{directory}/hugepages/hugepages-2048kB/{name}", "512")

    def processors(self):
        cpu = "sys/devices/system/cpu"
        self.put(f"{cpu}/online", "0-7")
        self.put(f"{cpu}/isolated", "2-3")
        for core in range(8):
            self.put(f"{cpu}/cpu{core}/topology/thread_siblings_list", str(core))
            self.put(f"{cpu}/cpu{core}/cpufreq/scaling_governor", "performance")
        self.put("sys/devices/system/node/node0/cpulist", "0-3")
        self.put("sys/devices/system/node/node1/cpulist", "4-7")

    def nic(self):
        self.put(f"{PCI}/numa_node", "0")
        self.link(f"{PCI}/driver", "../../drivers/vfio-pci")
        self.link(f"{PCI}/iommu_group", "../../../kernel/iommu_groups/17")
        self.put(f"sys/kernel/iommu_groups/17/devices/{NIC}", "")
        self.put("dev/vfio/17", "")
        os.chown(self.root / "dev/vfio/17", -1, 990)
        os.chmod(self.root / "dev/vfio/17", 0o660)

    def put(self, name, text):
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def remove(self, name):
        path = self.root / name.lstrip("/")
        subprocess.run(["rm", "-r", path], check=True)

    def link(self, name, to):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(to)

    def process(self, pid, argv):
        self.put(f"proc/{pid}/cmdline", "\0".join(argv) + "\0")

    def listen(self, path):
        path = self.root / path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        here = os.getcwd()
        os.chdir(path.parent)  # the whole path may be longer than a socket's may be
        try:
            with socket.socket(socket.AF_UNIX) as one:
                one.bind(path.name)
        finally:
            os.chdir(here)
        os.chmod(path, 0o660)


@pytest.fixture
def tree():
    if os.geteuid() != 0:
        pytest.skip("the tree has files of other groups: needs root")
    with Workdir("doctor") as work:
        yield Tree(work.path)


def doctor(tree, *argv, config=CONFIG):
    """(exit code, {id: finding}); what is found of the host that runs the test does not enter."""
    path = tree.root / "mcswitch.yaml"
    path.write_text(config)
    done = subprocess.run([REPO / "tools/doctor", "--root", tree.root, "--config", path, "--json", *argv], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, {row["id"]: row for row in json.loads(done.stdout)["findings"]}


def qemu(*changes):
    """QEMU's line with words replaced."""
    line = list(QEMU)
    for old, new in changes:
        assert any(old in word for word in line), old
        line = [word.replace(old, new) for word in line]
    return line


# What is changed, and the one finding that must come of it, with words of its text or mend.
CASES = {
    "no-hugepages": (lambda t: t.put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0"), ["nr_hugepages", "--no-huge"]),
    "few-hugepages": (lambda t: t.put("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3"), ["6 MiB", "echo "]),
    "node-without-hugepages": (lambda t: t.put("sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "0"),
                               ["node 0", "node0/hugepages"]),
    "no-iommu": (lambda t: t.remove("sys/class/iommu/dmar0"), ["intel_iommu=on", "update-grub"]),
    "unsafe-noiommu": (lambda t: t.put("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y"), ["echo N"]),
    "no-vfio-pci": (lambda t: t.remove("sys/bus/pci/drivers/vfio-pci"), ["modprobe vfio-pci"]),
    "nic-missing": (lambda t: t.remove(PCI), [NIC, "--status"]),
    "nic-not-bound": (lambda t: t.link(f"{PCI}/driver", "../ixgbe"), ["ixgbe", f"--bind=vfio-pci {NIC}"]),
    "nic-in-use": (lambda t: (t.link(f"{PCI}/driver", "../ixgbe"), t.put(f"{PCI}/net/ens1/operstate", "up")),
                   ["ens1", "ip link set ens1 down"]),
    "nic-uio": (lambda t: t.link(f"{PCI}/driver", "../igb_uio"), ["igb_uio", "--bind=vfio-pci"]),
    "nic-group": (lambda t: (t.put("sys/kernel/iommu_groups/17/devices/0000:3b:00.1", ""),
                             t.link("sys/bus/pci/devices/0000:3b:00.1/driver", "../ixgbe")), ["0000:3b:00.1", "ixgbe"]),
    "vfio-permission": (lambda t: os.chmod(t.root / "dev/vfio/17", 0o600), ["/dev/vfio/17", "udevadm"]),
    "host-drift": (lambda t: (t.put("etc/mcswitch/host.conf", "# c\nhugepages 1 2048 600\n"), t.link(ENABLED, "../mcswitch-host.service")),
                   ["600 hugepages of 2048 kB on node 1, and there are 512", "restart mcswitch-host"]),
    "host-not-enabled": (lambda t: t.put("etc/mcswitch/host.conf", f"hugepages 1 2048 512\nnic {NIC}\n"), ["systemctl enable"]),
    "core-missing": (lambda t: t.put("sys/devices/system/cpu/online", "0-2,4-7"), ["lcore 3", "-l "]),
    "core-not-isolated": (lambda t: t.put("sys/devices/system/cpu/isolated", "3"), ["processors 2", "isolcpus=2"]),
    "core-sibling": (lambda t: (t.put("sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "1-2"),
                                t.put("sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1-2")), ["control lcore"]),
    "core-governor": (lambda t: t.put("sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave"), ["cpu3", "performance"]),
    "nic-far": (lambda t: t.put(f"{PCI}/numa_node", "1"), ["node 1", "4-6"]),
    "guest-far": (lambda t: t.put("proc/100/numa_maps", "7f0 default file=/memfd:x N0=1 N1=9\n"), ["vm1", "node 1", "--membind=0"]),
    "no-dpdk": (lambda t: t.remove("var/lib/dpkg/status"), ["apt-get install dpdk"]),
    "dpdk-flaw": (lambda t: t.put("var/lib/dpkg/status", STATUS.replace("22.11.99", "2:24.11")), ["CVE-2024-11614", "24.11.1"]),
    "qemu-user-group": (lambda t: t.put("etc/group", "mcswitch:x:990:\nmcswitch-guests:x:991:mcswitch\n"),
                        ["usermod -a -G mcswitch-guests libvirt-qemu"]),
    "service-other-limits": (lambda t: (t.process(7, ["/usr/sbin/mcswitch", "-l", "1,2"]),
                                        t.put("proc/7/limits", "Max locked memory         8388608              8388608   bytes\n")),
                             ["8 MiB", "LimitMEMLOCK"]),
    "socket-open": (lambda t: os.chmod(t.root / SOCKET[1:], 0o666), ["0666", f"chmod 660 {SOCKET}"]),
    "socket-directory-open": (lambda t: os.chmod(t.root / "run/mcswitch/guests", 0o777), ["0777", "chmod o-w"]),
    "socket-no-socket": (lambda t: (t.remove(SOCKET), t.put(SOCKET, "")), ["no socket"]),
    "qemu-not-shared": (lambda t: t.process(100, qemu((",share=on", ""))), ["not shared", "share=on", "memoryBacking"]),
    "qemu-memory-unused": (lambda t: t.process(100, qemu((",memory-backend=mem", ""))), ["memory-backend=mem"]),
    "qemu-socket-unknown": (lambda t: t.process(100, qemu((SOCKET, "/tmp/other.sock"))), ["/tmp/other.sock", "mcctl guest add"]),
    "qemu-both-serve": (lambda t: t.process(100, qemu(("reconnect=1", "server=on,wait=off"))), ["both", "reconnect=1"]),
    "qemu-no-reconnect": (lambda t: t.process(100, qemu((",reconnect=1", ""))), ["restarts", "reconnect=1"]),
    "qemu-vectors": (lambda t: t.process(100, qemu(("kvm", "tcg"))), ["MSI-X", "vectors=0"]),
}
# Those that need more than one change are below.
OTHERS = {"configuration-wrong", "no-yaml", "socket-directory", "socket-absent", "qemu-nobody-serves", "unreadable"}


def test_every_finding_is_provoked():
    assert set(CASES) | OTHERS == set(FINDINGS)


def test_nothing_is_found_on_a_good_host(tree):
    assert doctor(tree) == (0, {})


def test_libvirt_writes_another_line(tree):
    tree.process(100, LIBVIRT)
    assert doctor(tree) == (0, {})
    tree.process(100, [word.replace('"share":true,', "") for word in LIBVIRT])
    assert list(doctor(tree)[1]) == ["qemu-not-shared"]


@pytest.mark.parametrize("name", CASES)
def test_finding(tree, name):
    change, words = CASES[name]
    change(tree)
    code, found = doctor(tree)
    assert code == 1 and list(found) == [name], found
    text = found[name]["text"] + " " + found[name]["mend"]
    assert all(word in text for word in words), text
    assert not re.search(r"\{\w+\}", text)


def test_wrong_configuration(tree, monkeypatch):
    if available():
        pytest.skip(available())
    monkeypatch.setenv("PATH", f"{DAEMON.parent}:{os.environ['PATH']}")
    _, found = doctor(tree, config=CONFIG.replace("vlan: 20", "vlan: 5000"))
    assert "5000" in found["configuration-wrong"]["text"] and "--check" in found["configuration-wrong"]["mend"]


def test_what_cannot_be_read_is_told(tree):
    tree.remove("etc/passwd")
    tree.put("etc/passwd/directory", "")
    assert "etc/passwd" in doctor(tree)[1]["unreadable"]["text"]


def test_without_the_yaml_module(tree):
    (tree.root / "c.yaml").write_text(CONFIG)
    argv = ["/usr/bin/python3", "-S", REPO / "tools/doctor.d", "--root", tree.root, "--config", tree.root / "c.yaml"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "apt-get install python3-yaml" in done.stdout, done.stderr


def test_client_mode(tree):
    client = CONFIG.replace("vlan: 20", "vlan: 20, mode: client")
    assert list(doctor(tree, config=client)[1]) == ["qemu-nobody-serves"]
    tree.process(100, qemu(("reconnect=1", "server=on,wait=off")))
    assert doctor(tree, config=client) == (0, {})
    tree.remove(SOCKET)
    assert list(doctor(tree, config=client)[1]) == ["socket-absent"]


def test_directory_of_a_socket(tree):
    _, found = doctor(tree, "--check", "sockets", config=CONFIG.replace(SOCKET, "/srv/guests/vm1.sock"))
    assert "install -d" in found["socket-directory"]["mend"]


def test_kernel_drives_bifurcated_nics(tree):
    tree.link(f"{PCI}/driver", "../mlx5_core")
    tree.put(f"{PCI}/net/ens1/operstate", "up")
    tree.remove("sys/class/iommu/dmar0")
    assert doctor(tree) == (0, {})


def test_without_a_configuration_it_asks_for_no_nic(tree):
    tree.remove(PCI)
    done = subprocess.run([REPO / "tools/doctor", "--root", tree.root], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stdout.endswith("0 findings\n"), done.stdout


def test_for_people(tree):
    CASES["nic-not-bound"][0](tree)
    (tree.root / "c.yaml").write_text(CONFIG)
    done = subprocess.run([REPO / "tools/doctor", "--root", tree.root, "--config", tree.root / "c.yaml"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1
    assert "ok       hugepages" in done.stdout and f"mend:  dpdk-devbind.py --bind=vfio-pci {NIC}" in done.stdout
    assert done.stdout.endswith("1 finding\n")


@pytest.mark.parametrize("argv", [["--config", "/nonexistent.yaml"], ["--lcores", "0@3"], ["--check", "nonsense"]])
def test_what_it_cannot_do(argv):
    done = subprocess.run([REPO / "tools/doctor", *argv], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and argv[1] in done.stderr


def test_it_changes_nothing(tree):
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in tree.root.rglob("*"))
    doctor(tree)
    after = sorted((str(path), path.lstat().st_mtime_ns) for path in tree.root.rglob("*"))
    assert [row for row in after if "mcswitch.yaml" not in row[0] and row[0] != str(tree.root)] == \
           [row for row in before if row[0] != str(tree.root)]


def test_control_socket_with_a_read_group(tree):
    """Everybody may knock there, and the switch asks who it is: mcswitch.yaml(5), control."""
    control = "/run/mcswitch/control.sock"
    tree.listen(control)
    os.chmod(tree.root / control[1:], 0o666)
    assert list(doctor(tree, "--check", "sockets", config=CONFIG)[1]) == ["socket-open"]
    assert doctor(tree, "--check", "sockets", config=CONFIG + "control: {read_group: monitor}\n") == (0, {})
