# SPDX-License-Identifier: BSD-3-Clause
"""
The rings as a driver uses them that we have not written: DPDK's virtio-user under dpdk-testpmd, a guest without a machine. It sends
back whatever it receives, so each frame has passed both rings.

    test --raw-- TAP up0 -- mcswitch == vhost-user == testpmd
"""

import os
import random

import pytest

from lab import frames
from lab.process import Owned, Process, Workdir, wait_for
from lab.switch import eal_memory

OUTSIDE, SOURCE, GROUP, MAC = "02:00:00:00:00:99", "10.0.0.99", "239.1.1.1", "52:54:00:00:00:01"
BURST, BURSTS = 200, 8  # the ring holds 256
STATIC = {"vlans": [{"id": 0, "static": [{"group": GROUP, "ports": ["vm1"]}]}]}


class Testpmd(Owned):
    """testpmd on the vhost-user socket `path`: what it receives it sends to OUTSIDE, under its own address."""

    __test__ = False

    def __init__(self, path, driver):
        self.work = Workdir("testpmd")
        read_end, self._stdin = os.pipe()  # an interactive testpmd ends when its input does
        argv = ["stdbuf", "-oL", "dpdk-testpmd", "-l", "0,1", "--no-pci", "--no-telemetry", *eal_memory(False, self.work.path.name, 256),
                "--vdev", f"net_virtio_user0,path={path},mac={MAC},queues=1,queue_size=256,{driver}", "--", "-i", "--auto-start",
                "--port-topology=loop", "--forward-mode=mac", f"--eth-peer=0,{OUTSIDE}", "--total-num-mbufs=4096"]
        self.process = Process(argv, self.work / "log", stdin=read_end)
        os.close(read_end)
        super().__init__()

    def _close(self):
        os.close(self._stdin)
        self.process.kill()
        self.process.close()
        self.work.close()


def numbered(n):
    """Frames of every length that fits, of no pattern that a slip would not show in."""
    rng = random.Random(1)
    return [bytes(frames.udp(OUTSIDE, SOURCE, GROUP, b"%08d" % i + rng.randbytes(rng.randrange(1472 - 7)))) for i in range(n)]


def vm1(net):
    return next(row for row in net.switch.ctl("show ports") if row["name"] == "vm1")


SPLIT, PACKED = "packed_vq=0,", "packed_vq=1,"


@pytest.mark.parametrize("rings, mode, driver", [
    ("own", "server", SPLIT + "mrg_rxbuf=1"), ("own", "server", SPLIT + "mrg_rxbuf=0"), ("own", "server", SPLIT + "in_order=0"),
    ("own", "server", PACKED + "mrg_rxbuf=1"), ("own", "server", PACKED + "mrg_rxbuf=0"), ("own", "server", PACKED + "in_order=0"),
    ("own", "client", SPLIT + "server=1"), ("own", "client", PACKED + "server=1"),
    ("library", "server", SPLIT + "mrg_rxbuf=1"), ("library", "server", PACKED + "mrg_rxbuf=1")])
def test_the_same_frames_in_the_same_order(net, rings, mode, driver):
    """Split and packed rings; either side may own the socket. Nothing below saturation is lost, and the counts agree."""
    net = net({"vm1": {"mac": MAC, "mode": mode}}, config={"vhost_rings": rings, **STATIC}, connect=False)
    sent = numbered(BURST * BURSTS)
    ours = bytes.fromhex((OUTSIDE + MAC).replace(":", ""))
    with Testpmd(net.switch.work / "vm1.sock", driver) as pmd:
        net.switch.wait("show ports", lambda rows: all(row["state"] == "up" for row in rows), timeout=30, what="testpmd is connected")
        wait_for(lambda: "testpmd>" in pmd.process.log_text(), 30, "forwarding", alive=pmd.process)
        before, back = vm1(net), []
        for at in range(0, len(sent), BURST):
            burst = sent[at:at + BURST]
            net.up.send(burst)
            back += net.up.collect(lambda frame, last=burst[-1]: frame[12:] == last[12:], timeout=20, what="the last of a burst")
        assert [frame[12:] for frame in back if frame[:12] == ours] == [frame[12:] for frame in sent]
        assert not [event for event in net.switch.ctl("show events") if "has moved in" in event["text"]]
        after = vm1(net)
        assert all(after[key] - before[key] >= len(sent) for key in ("rx_packets", "tx_packets"))
        assert after["tx_dropped"] == before["tx_dropped"] and after["ring_faults"] == 0
