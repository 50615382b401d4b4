# SPDX-License-Identifier: BSD-3-Clause
"""
DPDK's own dpdk-dumpcap on a device of a switch whose EAL serves other processes: hugepages in files, no --in-memory.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1
                             |
                        dpdk-dumpcap, a secondary process
"""

import os
import shutil
import subprocess

import pytest

from lab import frames
from lab.frames import Tap
from lab.netns import Wire
from lab.process import Owned, Process, Workdir, run, wait_for
from lab.switch import Switch, available

OUTSIDE, SOURCE, GROUP = "02:00:00:00:00:99", "10.0.0.99", "239.1.1.1"


class HugeFiles(Owned):
    """A hugetlbfs of our own, and EAL's files beside it."""

    def __init__(self):
        self.work = Workdir("huge")
        self.path, self.env = self.work / "pages", {"RUNTIME_DIRECTORY": str(self.work)}
        os.mkdir(self.path)
        run(["mount", "-t", "hugetlbfs", "none", self.path])
        super().__init__()

    def _close(self):
        subprocess.run(["umount", self.path], check=False)
        self.work.close()


def test_dumpcap_sees_an_uplink():
    if available():
        pytest.skip(available())
    if not shutil.which("dpdk-dumpcap"):
        pytest.skip("dpdk-dumpcap is not installed (package dpdk-dev)")
    with HugeFiles() as huge, Wire(bridge=False) as wire:
        prefix = huge.work.path.name
        memory = ["--huge-dir", huge.path, "--file-prefix", prefix, "-m", "256"]
        with Switch(wire, uplinks=["up0"], guests={"vm1": {}}, memory_mb=256, memory=memory, env=huge.env, start=False) as switch:
            if not switch.hugepages.ok:
                pytest.skip("the kernel has no hugepages to give")
            switch.start()
            wire.wait_dev("up0")
            wire.up("up0")
            file = huge.work / "up0.pcapng"
            with Tap(wire, "up0") as up, \
                    Process(["dpdk-dumpcap", f"--file-prefix={prefix}", "-i", "net_tap0", "-c", "5", "-w", file], huge.work / "log",
                            env=huge.env) as dumpcap:
                wait_for(lambda: "Capturing on 'net_tap0'" in dumpcap.log_text() or send(up), 20, "dpdk-dumpcap captures", alive=dumpcap)

                def ended():
                    send(up)
                    return not dumpcap.running()
                wait_for(ended, 20, lambda: f"five frames; {dumpcap.log_text()}", every=0.05)
                assert dumpcap.wait() == 0, dumpcap.log_text()
            rows = run(["tshark", "-n", "-r", file, "-T", "fields", "-e", "ip.dst"]).split()
            assert rows.count(GROUP) >= 5, rows
            switch.check_law()
            switch.stop()


def send(up):
    up.send(frames.udp(OUTSIDE, SOURCE, GROUP, b"dumped"))
