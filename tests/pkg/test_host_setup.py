# SPDX-License-Identifier: BSD-3-Clause
"""
tools/host-setup on the doctor's trees of files: what it would do, what it does, that it does it once, and that it takes it back.

    node 0: processors 0-3, NICs 0000:3b:00.0 (ixgbe) and .1 (ixgbe)      node 1: processors 4-7      workers 2, 3

In a tree nobody answers to a write into sysfs, so what host-apply asked of the kernel is read where it wrote it; tests/vm/baremetal runs the
same host-apply on a kernel.
"""

import os
import shutil
import subprocess
import sys

import pytest
from lab.process import REPO, run
from test_doctor import CONFIG, ENABLED, NIC, PCI, doctor, tree  # noqa: F401 - tree is a fixture

sys.path.insert(0, str(REPO / "tools/doctor.d"))
import hardware  # noqa: E402

OTHER = "0000:3b:00.1"
TWO = f"""
uplinks: [{{name: up0, device: "{NIC}"}}, {{name: up1, device: "{OTHER}"}}]
"""
PAGES = {node: f"sys/devices/system/node/node{node}/hugepages/hugepages-2048kB/nr_hugepages" for node in (0, 1)}
# What the daemon takes for one device, in pages of 2 MiB.
WANTED = str(-(-((hardware.MBUFS_BASE + hardware.MBUFS_A_DEVICE) * hardware.MBUF_BYTES // 2**20 + hardware.TABLES_MIB) // 2))
FILES = {"etc/mcswitch/host.conf", "usr/local/lib/mcswitch/host-apply", "etc/systemd/system/mcswitch-host.service",
         "etc/security/limits.d/mcswitch.conf", "etc/modules-load.d/mcswitch.conf", "etc/udev/rules.d/60-mcswitch.rules"}


@pytest.fixture
def host(tree):  # noqa: F811
    """Nothing is set up: both NICs are the kernel's, node 1 has pages and node 0 has not."""
    tree.put("sys/bus/pci/drivers_probe", "")
    for address in (NIC, OTHER):
        device = f"sys/bus/pci/devices/{address}"
        tree.put(f"sys/bus/pci/drivers/ixgbe/{address}", "")
        tree.put("sys/bus/pci/drivers/ixgbe/unbind", "")
        tree.put(f"{device}/driver_override", "")
        tree.put(f"{device}/numa_node", "0")
        tree.link(f"{device}/driver", "../../drivers/ixgbe")
    tree.put(PAGES[0], "0")
    return tree


def prepare(tree, *argv, config=CONFIG):  # noqa: F811
    (tree.root / "mcswitch.yaml").write_text(config)
    return subprocess.run([REPO / "tools/host-setup", "--root", tree.root, "--config", tree.root / "mcswitch.yaml", *argv],
                          capture_output=True, text=True, timeout=60, check=False)


def text(tree, name):  # noqa: F811
    return (tree.root / name).read_text().strip()


def bound(tree, address):  # noqa: F811
    """What the kernel would do with what was written to it."""
    assert text(tree, f"sys/bus/pci/devices/{address}/driver_override") == "vfio-pci"
    assert text(tree, "sys/bus/pci/drivers_probe") == address
    tree.link(f"sys/bus/pci/devices/{address}/driver", "../../drivers/vfio-pci")


def snapshot(tree):  # noqa: F811
    return sorted((str(path), path.read_bytes() if path.is_file() and not path.is_symlink() else b"")
                  for path in tree.root.rglob("*") if path.name != "mcswitch.yaml" and not path.is_socket())


def test_it_only_says_what_it_would_do(host):
    before = snapshot(host)
    done = prepare(host)
    assert done.returncode == 1, done.stderr
    assert f"nic {NIC}" in done.stdout and f"hugepages 0 2048 {WANTED}" in done.stdout and "nothing was changed" in done.stdout
    assert snapshot(host) == before


def test_apply_and_once_more(host):
    done = prepare(host, "--apply")
    assert done.returncode == 0, done.stderr
    assert all((host.root / name).is_file() for name in FILES)
    assert os.readlink(host.root / ENABLED) == "/etc/systemd/system/mcswitch-host.service"
    assert text(host, PAGES[0]) == WANTED
    assert text(host, PAGES[1]) == "512", "nobody of the switch is on node 1"
    assert text(host, "sys/bus/pci/drivers/ixgbe/unbind") == NIC
    bound(host, NIC)
    assert text(host, f"sys/bus/pci/devices/{OTHER}/driver_override") == ""
    before = snapshot(host)
    again = prepare(host, "--apply")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "nothing to do"), again.stdout
    assert prepare(host).returncode == 0
    assert snapshot(host) == before


def test_boot_does_it_again(host):
    """After a reboot sysfs is as the kernel makes it; the unit runs the installed host-apply."""
    prepare(host, "--apply")
    host.put(PAGES[0], "0")
    unit = text(host, "etc/systemd/system/mcswitch-host.service")
    assert "ExecStart=/usr/local/lib/mcswitch/host-apply start\n" in unit
    run(["/bin/sh", host.root / "usr/local/lib/mcswitch/host-apply", "--root", host.root, "start"])
    assert text(host, PAGES[0]) == WANTED
    bound(host, NIC)


def test_undo(host):
    prepare(host, "--apply")
    bound(host, NIC)
    said = prepare(host, "--undo")
    assert said.returncode == 1 and "would remove /etc/mcswitch/host.conf" in said.stdout
    done = prepare(host, "--undo", "--apply")
    assert done.returncode == 0, done.stderr
    assert text(host, PAGES[0]) == "0"
    assert text(host, f"sys/bus/pci/devices/{NIC}/driver_override") == ""
    assert text(host, f"sys/bus/pci/devices/{NIC}/driver/unbind") == NIC, "vfio-pci was told to let go"
    assert not [name for name in FILES if (host.root / name).exists()] and not (host.root / ENABLED).is_symlink()
    assert "nothing to undo" in prepare(host, "--undo", "--apply").stdout


def test_a_nic_that_the_configuration_drops_goes_back(host):
    prepare(host, "--apply", config=TWO)
    bound(host, OTHER)
    host.put(f"sys/bus/pci/devices/{NIC}/driver_override", "vfio-pci")
    host.link(f"{PCI}/driver", "../../drivers/vfio-pci")
    done = prepare(host, "--apply")
    assert f"give {OTHER} back" in done.stdout, done.stdout + done.stderr
    assert text(host, f"sys/bus/pci/devices/{OTHER}/driver_override") == ""
    assert text(host, f"sys/bus/pci/devices/{NIC}/driver_override") == "vfio-pci"


def test_it_asks_before_it_cuts_the_host_off(host):
    host.put(f"{PCI}/net/ens1/operstate", "up")
    refused = prepare(host, "--apply")
    assert refused.returncode == 2 and "ens1" in refused.stderr and "--force" in refused.stderr
    assert not (host.root / "etc/mcswitch/host.conf").exists()
    assert prepare(host, "--apply", "--force").returncode == 0


def test_nics_of_ibverbs_stay_with_the_kernel(host):
    host.link(f"{PCI}/driver", "../../drivers/mlx5_core")
    assert prepare(host, "--apply").returncode == 0
    assert "nic " not in text(host, "etc/mcswitch/host.conf")
    assert not (host.root / "etc/udev/rules.d/60-mcswitch.rules").exists()


def test_what_somebody_else_wrote_stays(host):
    host.put("etc/udev/rules.d/60-mcswitch.rules", "# mine\n")
    done = prepare(host, "--apply")
    assert done.returncode == 2 and "60-mcswitch.rules" in done.stderr
    assert text(host, "etc/udev/rules.d/60-mcswitch.rules") == "# mine"
    assert not (host.root / "etc/mcswitch/host.conf").exists()


@pytest.mark.parametrize("change, says", [
    (lambda t: shutil.rmtree(t.root / "sys/bus/pci/drivers/vfio-pci"), "vfio-pci is not loaded"),
    (lambda t: shutil.rmtree(t.root / "sys/class/iommu"), "no IOMMU"),
    (lambda t: shutil.rmtree(t.root / PAGES[0].rsplit("/", 1)[0]), "node 0 has no hugepages"),
])
def test_what_cannot_be_done_is_said_and_the_rest_is_done(host, change, says):
    change(host)
    done = prepare(host, "--apply")
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert "nic" in text(host, "etc/mcswitch/host.conf"), "the next boot tries it again"


def test_pages_of_others_are_not_taken(host):
    host.put(PAGES[0], "4096")
    assert prepare(host, "--apply").returncode == 0
    assert text(host, PAGES[0]) == "4096"


def test_hugepages_as_asked(host):
    assert prepare(host, "--apply", "--hugepages", "0=100", "--hugepages", "1=2048").returncode == 0
    assert (text(host, PAGES[0]), text(host, PAGES[1])) == ("50", "1024")


def test_each_node_with_an_lcore_has_its_own(host):
    """Also the control lcore's: without memory there, DPDK panics at its first device."""
    host.put(PAGES[1], "0")
    assert prepare(host, "--apply", "--lcores", "4,2").returncode == 0
    assert (text(host, PAGES[0]), text(host, PAGES[1])) == (WANTED, WANTED)


@pytest.mark.parametrize("word", ["7=100", "0=much", "x"])
def test_wrong_hugepages(host, word):
    done = prepare(host, "--hugepages", word)
    assert done.returncode == 2 and word in done.stderr


def test_advice_for_what_needs_a_reboot(host):
    host.put("sys/devices/system/cpu/isolated", "")
    done = prepare(host, "--apply")
    assert "isolcpus=2-3" in done.stdout


def test_the_doctor_reads_the_same(host):
    """Before: the findings whose mends host-setup is. After it, none of them."""
    mended = {"node-without-hugepages", "nic-not-bound"}
    assert mended <= set(doctor(host)[1])
    prepare(host, "--apply")
    bound(host, NIC)
    assert not {*mended, "host-drift", "host-not-enabled"} & set(doctor(host)[1])
    host.put(PAGES[0], "3")
    assert f"{WANTED} hugepages" in doctor(host)[1]["host-drift"]["text"]
