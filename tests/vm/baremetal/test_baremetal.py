# SPDX-License-Identifier: BSD-3-Clause
"""
The switch on NICs that DPDK drives through an IOMMU (lab/baremetal.py has the drawing), and docs/bare-metal.md as it is printed.

Tests of one NIC run in order, on one machine: the page first, then what a NIC and its driver must do.
"""

import time

import pytest

from lab import frames
from lab.baremetal import NICS, BareMetal
from lab.frames import Tap
from lab.netns import Wire
from lab.pages import blocks
from lab.process import REPO, wait_for
from lab.query import Querier
from lab.stream import Receiver, Sender
from lab.switch import LAW_IN, LAW_OUT, available

GROUP, OTHER, RATE = "239.1.1.1", "239.1.1.2", 100
PAGE = list(blocks([REPO / "docs/bare-metal.md"], REPO))
DRIVERS = {"e1000e": "net_e1000_em", "virtio-net-pci": "net_virtio", "vmxnet3": "net_vmxnet3"}
WHOLE = "e1000e"  # with this one, also what only says and looks: Python is slow in there


def here(text):
    """The page's text with the NICs and processors of this machine."""
    return text.replace("0000:3b:00.0", NICS[0]).replace("0000:3b:00.1", NICS[1]).replace("2,3", "0,1")


def commands(*programs):
    return [here(command) for block in PAGE if block.language == "" for command in block.commands() if command.split()[0] in programs]


class Plant:
    """One machine on a bridge that snoops, with a router that asks and a source beyond it."""

    def __init__(self, nic):
        self.nic = nic
        self.wire = Wire(f"metal{nic[:2]}")
        self.router = self.wire.host("router", "192.168.20.1/24")
        self.source = self.wire.host("source", "192.168.20.9/24")
        self.querier = Querier(self.router, "eth0", "192.168.20.1", interval=125.0)
        self.host = BareMetal(self.wire, nic)

    def law(self):
        def holds():
            status = self.host.ctl("show status")
            return sum(status[key] for key in LAW_IN) == sum(status[key] for key in LAW_OUT)
        wait_for(holds, 20, lambda: f"rx + injected + references = tx + punted + drops: {self.host.ctl('show status')}", every=0.2)

    def close(self):
        self.host.close()
        self.querier.close()
        self.wire.close()


@pytest.fixture(scope="module", params=DRIVERS)
def plant(request):
    if available():
        pytest.skip(available())
    plant = Plant(request.param)
    try:
        plant.host.wait_ready(timeout=120)
        yield plant
    except BaseException:
        print(plant.host.explain())
        raise
    finally:
        plant.close()


@pytest.fixture(autouse=True)
def explain(request, plant):
    """The daemon's log, should the test fail."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        print(plant.host.explain())


def test_the_page_from_an_empty_host(plant):
    """host-setup binds and reserves, the doctor finds nothing that it mends, the launch line serves, and both links are up."""
    host = plant.host
    # Two emulated processors are not to spend themselves on polling.
    host.put("/etc/mcswitch/mcswitch.yaml", "idle_sleep_us: 100\n" + here(next(block.text for block in PAGE if block.language == "yaml")))
    host.command("mkdir -p /run/mcswitch/guests /dev/hugepages && mount -t hugetlbfs none /dev/hugepages")
    before = host.drivers()
    assert not {before.get(nic) for nic in NICS} & {"vfio-pci"}
    says, does = commands("mcswitch-host-setup")
    doctor, = commands("mcswitch-doctor")
    if plant.nic == WHOLE:
        assert "nothing was changed" in host.command(says, timeout=60, check=False)
        assert host.drivers() == before
    assert "run host-apply start" in host.command(does, timeout=60)
    assert [host.drivers()[nic] for nic in NICS] == ["vfio-pci"] * 2
    host.udev()
    if plant.nic == WHOLE:
        found = host.command(f"{doctor} --check hugepages --check iommu --check nics --check host-setup", timeout=60, check=False)
        assert found.splitlines()[-1] == "0 findings", found
    launch, = commands("mcswitch")
    host.start(launch)
    host.wait_ctl("show uplinks", lambda rows: len(rows) == 2 and all(row["state"] == "up" for row in rows), what="links up")
    assert {row["driver"] for row in host.ctl("show uplinks")} == {DRIVERS[plant.nic]}
    for command in commands("ip"):
        host.command(command)
    for command in commands("mcctl"):
        host.command(command)
    known = {"mcswitch-host-setup", "mcswitch-doctor", "mcswitch", "ip", "mcctl"}
    assert not {command.split()[0] for block in PAGE if block.language == "" for command in block.commands()} - known


def test_first_stream(plant):
    """The join reaches the bridge by the uplink that carries the guest, and the stream comes, whole."""
    host = plant.host
    host.wait_ctl("show ports", lambda rows: any(row["name"] == "host0" and row["carrier"] for row in rows), what="host0 is carried")
    host.join(GROUP, dev="host0")
    plant.wire.wait_member(GROUP, host.carrier(), timeout=20)
    host.reset()
    sender = Sender(plant.source, GROUP, rate=RATE, count=200)
    assert sender.finish() == 200
    row = host.wait_stream(GROUP, n=200, timeout=20)
    assert (row["packets"], row["lost"], row["duplicates"]) == (200, 0, 0)
    plant.law()


def test_stream_out(plant):
    """A guest's stream leaves by one uplink, once."""
    receiver = Receiver(plant.router, "239.2.2.2")
    plant.host.send("239.2.2.2", rate=RATE, count=100, dev="host0")
    wait_for(lambda: sum(row["sent"] for row in plant.host.stats()["sent"]) == 100, 20, "all sent", every=0.3)
    plant.host.stop_sending()
    row = receiver.stop()["239.2.2.2"]
    assert (row["packets"], row["duplicates"]) == (100, 0)
    plant.host.wait_ctl("show groups", lambda rows: not any(row["group"] == "239.2.2.2" for row in rows), what="the receiver's leave")
    plant.law()


def test_groups_are_programmed_into_the_nic(plant):
    """A driver with a list has one more address for one more group; one without is told to let all groups in, and QEMU's card knows it."""
    host = plant.host
    carrier = host.carrier()
    before = host.uplink(carrier)["multicast_filter"]
    host.join(OTHER, dev="host0")
    plant.wire.wait_member(OTHER, carrier, timeout=20)
    if plant.nic == "e1000e":
        n = int(before.removeprefix("list of "))
        host.wait_ctl("show uplinks", lambda rows: {row["multicast_filter"] for row in rows} == {f"list of {n + 1}"})
        host.leave(OTHER, dev="host0")
        host.wait_ctl("show uplinks", lambda rows: {row["multicast_filter"] for row in rows} == {f"list of {n}"})
    else:
        assert host.uplink(carrier)["multicast_filter"] == "all-multicast"
        host.leave(OTHER, dev="host0")
    if plant.nic == "virtio-net-pci":
        for card in (0, 1):
            assert host.rx_filter(card)["multicast"] == "all"


def test_link_is_cut_and_comes_back(plant):
    """
    QEMU cuts the cable of the NIC that carries the guest. The other one takes over: a reverse ARP in the guest's name, its report, and the
    stream goes on. The gap is printed: it is that of an emulated machine.
    """
    if plant.nic == "vmxnet3":
        pytest.skip("QEMU's vmxnet3 tells no guest of set_link (drivers-config/vmxnet3.yaml)")
    host = plant.host
    assert host.carrier() == "up0"
    host.reset()
    sender = Sender(plant.source, GROUP, rate=RATE)
    host.wait_stream(GROUP, n=20, timeout=20)
    with Tap(plant.wire, "up1") as up1:
        at = time.monotonic()
        host.cut(0)
        up1.expect(frames.is_rarp(), timeout=20)
        up1.expect(frames.is_report(GROUP), timeout=20)
        print(f"{plant.nic}: replayed {1000 * (time.monotonic() - at):.0f} ms after the cut")
    plant.wire.wait_member(GROUP, "up1", timeout=20)
    assert host.carrier() == "up1" and host.uplink("up0")["state"] == "down"
    n = host.stream(GROUP)["packets"]
    row = host.wait_stream(GROUP, n=n + 50, timeout=20)
    print(f"{plant.nic}: {row['lost']} frames lost at {RATE} a second, longest gap {row['max_gap_us'] / 1000:.0f} ms")
    host.mend(0)
    host.wait_ctl("show ports", lambda rows: any(row["name"] == "host0" and row["carrier"] == "up0" for row in rows), what="failback")
    n = host.stream(GROUP)["packets"]
    host.wait_stream(GROUP, n=n + 50, timeout=20)
    sender.stop()
    assert host.stream(GROUP)["duplicates"] == 0
    plant.law()


def test_nic_is_unplugged_while_it_carries(plant):
    """
    The host asks for the NIC (device_del, and vfio passes it on). The other one takes over as if the cable had been cut, and the switch
    goes on; it lets the NIC go when it ends.
    """
    host = plant.host
    assert host.carrier() == "up0"
    host.reset()
    sender = Sender(plant.source, GROUP, rate=RATE)
    host.wait_stream(GROUP, n=20, timeout=20)
    host.qmp.command("device_del", id="nic0")
    host.wait_ctl("show ports", lambda rows: any(row["name"] == "host0" and row["carrier"] == "up1" for row in rows), timeout=40,
                  what="host0 is carried by up1")
    assert host.uplink("up0")["state"] == "down"
    plant.wire.wait_member(GROUP, "up1", timeout=20)
    n = host.stream(GROUP)["packets"]
    row = host.wait_stream(GROUP, n=n + 50, timeout=20)
    sender.stop()
    assert row["duplicates"] == 0
    assert host.uplink("up0")["state"] == "down", "a NIC that is wanted back does not come up again"
    plant.law()


def test_it_stops_and_lets_go(plant):
    host = plant.host
    plant.law()
    assert host.stop() == 0
    wait_for(lambda: NICS[0] not in host.drivers(), 20, "the unplugged NIC is gone", every=0.2)


def test_an_ordinary_user_with_the_nic_that_is_plugged_in_again(plant):
    """host-apply binds it as at boot; the switch runs as mcswitch, without a capability, on NICs through vfio."""
    host = plant.host
    wait_for(lambda: host.plug(0), 20, "QEMU has let the NIC go", every=0.5)
    wait_for(lambda: "1" in host.command(f"ls /sys/bus/pci/devices | grep -c {NICS[0]}; true"), 30, "the NIC is there", every=0.3)
    host.command("/usr/local/lib/mcswitch/host-apply start")
    assert [host.drivers()[nic] for nic in NICS] == ["vfio-pci"] * 2
    host.udev()
    host.put("/tmp/user.yaml", "control_socket: /run/mcswitch/user.sock\nidle_sleep_us: 100\nuplinks:\n"
             f'  - {{name: up0, device: "{NICS[0]}"}}\n  - {{name: up1, device: "{NICS[1]}"}}\n')
    line = f"mcswitch -l 0,1 --in-memory -a {NICS[0]} -a {NICS[1]} -- --config /tmp/user.yaml"
    host.command("chown mcswitch /run/mcswitch")
    host.start(f"{{ ulimit -l unlimited; RUNTIME_DIRECTORY=/run/mcswitch su mcswitch -c '{line}'; }}")
    host.wait_ctl("--socket /run/mcswitch/user.sock show uplinks", lambda rows: [row["state"] for row in rows] == ["up", "up"])
    assert host.command("grep ^Uid: /proc/$(pidof mcswitch)/status").split()[1:] == ["990"] * 4
    assert set(host.command("grep ^Cap[EP] /proc/$(pidof mcswitch)/status | cut -f 2").split()) == {"0" * 16}
    assert host.stop() == 0


# A guest on vhost-user whose memory is where it first writes it: on the node of its processor.
NODE_GUEST = """
import os, socket, subprocess, sys
os.sched_setaffinity(0, {int(sys.argv[2])})
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
guest = subprocess.Popen(["vguest", "--link", str(theirs.fileno()), "--connect", sys.argv[1], "--rx-size", "256"],
                         pass_fds=[theirs.fileno()])
theirs.close()
while ours.recv(65536):
    pass
"""


def test_the_worker_follows_the_memory_of_its_guest(plant):
    """Two workers on two nodes, and two guests with memory on either: each is served where it is."""
    if plant.nic != WHOLE:
        pytest.skip("the NIC makes no difference")
    host = plant.host
    host.put("/run/guest.py", NODE_GUEST)
    host.put("/tmp/nodes.yaml", "control_socket: /run/mcswitch/nodes.sock\nidle_sleep_us: 100\nuplinks:\n"
             f'  - {{name: up0, device: "{NICS[0]}"}}\n  - {{name: up1, device: "{NICS[1]}"}}\nguests:\n'
             "  - {name: vm1, socket: /run/mcswitch/vm1.sock, vlan: 0}\n  - {name: vm2, socket: /run/mcswitch/vm2.sock, vlan: 0}\n")
    host.start(f"mcswitch --lcores 0@0,1@0,2@1 --in-memory -a {NICS[0]} -a {NICS[1]} -- --config /tmp/nodes.yaml")
    mcctl = "--socket /run/mcswitch/nodes.sock"
    assert [(core["lcore"], core["numa_node"]) for core in host.ctl(f"{mcctl} show cores")] == [(0, 0), (1, 0), (2, 1)]
    for name, processor in (("vm1", 1), ("vm2", 0)):
        host.command(f"python3 /run/guest.py /run/mcswitch/{name}.sock {processor} >/run/{name}.log 2>&1 &")
    ports = host.wait_ctl(f"{mcctl} show ports", lambda rows: {row["name"] for row in rows if row["state"] == "up"} >= {"vm1", "vm2"},
                          timeout=40)
    placed = {row["name"]: (row["numa_node"], row["worker"]) for row in ports}
    assert (placed["vm1"], placed["vm2"]) == ((1, 2), (0, 1)), placed
    assert placed["up0"][0] is None, "QEMU tells of no node of its NICs"
    assert not [event for event in host.ctl(f"{mcctl} show events") if event["type"] == "numa"]
    assert host.stop() == 0
