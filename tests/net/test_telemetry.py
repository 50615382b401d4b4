# SPDX-License-Identifier: BSD-3-Clause
"""
DPDK's telemetry: the figures of mcctl as dpdk-telemetry.py reads them.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2
                               |
               RUNTIME_DIRECTORY/dpdk/rte/dpdk_telemetry.v2 -- dpdk-telemetry.py
"""

import json
import os
import subprocess

import pytest

from lab import frames
from lab.process import wait_for

SCRIPT = "/usr/bin/dpdk-telemetry.py"
GROUP, OUTSIDE = "239.1.1.1", "02:00:00:00:00:99"

pytestmark = pytest.mark.skipif(not os.path.exists(SCRIPT), reason="dpdk-telemetry.py is not installed (package dpdk)")


@pytest.fixture
def telling(net, tmp_path):
    env = {"RUNTIME_DIRECTORY": str(tmp_path)}
    one = net({"vm1": {"vlan": 20}, "vm2": {"trunk": [20, 30]}}, env=env, telemetry=True)

    def ask(*commands):
        """{command: answer} of one run of the script."""
        done = subprocess.run(["/usr/bin/python3", SCRIPT], input="".join(f"{command}\n" for command in commands),
                              capture_output=True, text=True, timeout=20, check=True, env={**os.environ, **env})
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        return [next(iter(answer.values())) for answer in answers]
    one.ask = ask
    return one


def test_the_commands(telling):
    listed, = telling.ask("/")
    ours = [command for command in listed if command.startswith("/mcswitch/")]
    assert ours == [f"/mcswitch/{word}" for word in
                    ("cores", "drops", "groups", "ports", "queriers", "status", "teams", "uplinks")]
    assert all(telling.ask(*(f"/help,{command}" for command in ours)))


def test_figures_are_those_of_mcctl(telling):
    vm1 = telling.guests["vm1"]
    vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, GROUP))
    telling.switch.wait_member("vm1", GROUP)
    telling.up.send([frames.udp(OUTSIDE, "10.0.0.99", GROUP, b"%d" % i, vlan=20) for i in range(30)])
    telling.up.send([frames.udp(OUTSIDE, "10.0.0.99", "239.9.9.9", b"nobody", vlan=20)] * 3)
    wait_for(lambda: telling.switch.drops().get("no_member") == 3, 5, "three frames for nobody")
    telling.settle()
    # Published once a second, so await the last figure.
    def whole():
        drops, status, group = telling.ask("/mcswitch/drops", "/mcswitch/status", f"/mcswitch/groups,20,{GROUP}")
        return drops["no_member"] == 3 and group and status["rx"] == telling.switch.ctl("show status")["rx"]
    wait_for(whole, 5, "a new snapshot of all")
    ports, groups, cores, queriers, group = telling.ask(
        "/mcswitch/ports", "/mcswitch/groups", "/mcswitch/cores", "/mcswitch/queriers", f"/mcswitch/groups,20,{GROUP}")
    assert ports == ["up0", "vm1", "vm2"] and groups == [f"20,{GROUP}"] and "20,ipv4" in queriers
    assert (group["vlan"], group["group"], group["packets"]) == (20, GROUP, 30)
    assert cores == [str(core["lcore"]) for core in telling.switch.ctl("show cores")]
    for row in telling.switch.ctl("show ports"):
        told, = telling.ask(f"/mcswitch/ports,{row['name']}")
        for key in ("name", "state", "kind", "worker", "rows", "rx_packets", "tx_packets", "tx_bytes"):
            assert told[key] == row[key], key
        assert told["up"] == 1 and told.get("trunk") == row["trunk"]
    assert telling.ask("/mcswitch/uplinks,up0")[0]["role"] == "active"
    assert telling.ask("/mcswitch/teams", "/mcswitch/teams,default")[1]["active"] == ["up0"]


def test_what_is_not_there(telling):
    assert telling.ask("/mcswitch/ports,none", "/mcswitch/groups,20", f"/mcswitch/groups,20,{'x' * 500}", "/mcswitch/") == [None] * 4


def test_asked_without_rest_while_guests_come_and_go(telling):
    """A reader never sees a port half gone, and the switch ends while one is connected."""
    readers = [subprocess.Popen(["/usr/bin/python3", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                env={**os.environ, **telling.switch.env}) for _ in range(3)]
    try:
        for i in range(10):
            for reader in readers:
                reader.stdin.write("/mcswitch/ports\n/mcswitch/ports,new\n/mcswitch/cores\n" * 20)
                reader.stdin.flush()
            telling.switch.ctl(f"guest add new={telling.switch.work / 'new.sock'},vlan=20")
            telling.switch.ctl("guest del new")
        for reader in readers:
            out, _ = reader.communicate(timeout=20)
            assert len(out.splitlines()) == 600
        telling.finish()
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
