# SPDX-License-Identifier: BSD-3-Clause
"""Launching: exit codes, and sentences that say what to do. Nothing is left half-started."""

import os
import socket
import subprocess

import pytest

from lab.process import REPO, Workdir
from lab.switch import CLIENT, DAEMON, available

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "")
EAL = ["-l", "0,1", "--no-pci", "--no-telemetry", "--no-huge", "-m", "256", "--no-shconf"]


@pytest.fixture
def work():
    with Workdir("launch") as work:
        yield work


def daemon(*argv, timeout=30):
    done = subprocess.run([DAEMON, *map(str, argv)], capture_output=True, text=True, timeout=timeout, check=False)
    return done.returncode, done.stdout, done.stderr


def test_help_is_one_screen():
    for argv in (["--help"], ["--", "--help"]):
        code, out, _ = daemon(*argv)
        assert code == 0
        assert out.startswith("Usage: mcswitch") and "--config" in out and "--check" in out
        assert len(out.splitlines()) <= 40


def test_version():
    code, out, _ = daemon("--version")
    assert code == 0 and out.startswith("mcswitch ")


def test_no_arguments_tell_how():
    code, _, err = daemon()
    assert code == 1 and "Usage: mcswitch" in err


@pytest.mark.parametrize("argv, words", [
    (["--nonsense"], ["--nonsense", "--help"]),
    (["--uplink"], ["--uplink", "missing"]),
    (["stray"], ["stray"]),
    (["--guest", "vm1"], ["vm1"]),
    (["--guest", "vm1=/tmp/a.sock,vlan=4095"], ["4095"]),
    (["--guest", "vm1=/tmp/a.sock,colour=red"], ["colour"]),
    (["--config", "/nonexistent.yaml"], ["/nonexistent.yaml"]),
])
def test_bad_arguments(argv, words):
    code, _, err = daemon("--", *argv)
    assert code == 1
    for word in words:
        assert word in err


def test_check_names_file_and_line_of_every_error(work):
    path = work / "bad.yaml"
    path.write_text("""uplinks:
  - {name: up0, device: net_tap0}
guests:
  - {name: vm1, socket: /tmp/vm1.sock, mac: nonsense}
  - {name: vm2, socket: /tmp/vm2.sock, vlan: 5000}
teams:
  - {name: team0, active: [up7]}
""")
    code, _, err = daemon("--", "--check", "--config", path)
    assert code == 1
    lines = err.splitlines()
    for number, word in ((4, "nonsense"), (5, "5000"), (7, "up7")):
        assert any(f"{path}:{number}:" in line and word in line for line in lines), err


def test_check_of_the_shipped_example():
    example = REPO / "app/mcswitch/mcswitch.yaml"
    code, out, err = daemon("--", "--check", "--config", example)
    assert (code, err) == (0, "")
    assert "right" in out


def test_device_that_does_not_exist(work):
    code, _, err = daemon(*EAL, "--", "--control-socket", work / "c.sock", "--uplink", "net_tap7")
    assert code == 2
    assert "net_tap7" in err and "--vdev" in err
    assert not os.path.exists(work / "c.sock")


def test_socket_in_use(work):
    taken = work / "vm1.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(taken))
        server.listen()
        code, _, err = daemon(*EAL, "--", "--control-socket", work / "c.sock", "--guest", f"vm1={taken}")
    assert code == 2
    assert str(taken) in err and "in use" in err
    assert not os.path.exists(work / "c.sock")


def test_socket_path_is_a_file(work):
    path = work / "vm1.sock"
    path.write_text("precious")
    code, _, err = daemon(*EAL, "--", "--control-socket", work / "c.sock", "--guest", f"vm1={path}")
    assert code == 2
    assert str(path) in err
    assert path.read_text() == "precious"


def test_directory_of_the_socket_is_missing(work):
    code, _, err = daemon(*EAL, "--", "--control-socket", work / "c.sock", "--guest", f"vm1={work}/no/vm1.sock")
    assert code == 2
    assert f"{work}/no/vm1.sock" in err and "directory" in err


def test_control_socket_in_use(work):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(work / "c.sock"))
        server.listen()
        code, _, err = daemon(*EAL, "--", "--control-socket", work / "c.sock")
    assert code == 2 and "c.sock" in err


def test_one_lcore_is_not_enough(work):
    code, _, err = daemon("-l", "0", *EAL[2:], "--", "--control-socket", work / "c.sock")
    assert code == 2 and "-l 0,1" in err


def test_missing_hugepages(work):
    """More memory than the machine can have in hugepages."""
    code, _, err = daemon("-l", "0,1", "--no-pci", "--no-telemetry", "--in-memory", "-m", "1000000", "--",
                          "--control-socket", work / "c.sock")
    assert code == 2
    assert "nr_hugepages" in err and "--no-huge" in err


def test_client_without_daemon(work):
    done = subprocess.run([CLIENT, "--socket", work / "c.sock", "show", "status"], capture_output=True, text=True, timeout=10,
                          check=False)
    assert done.returncode == 2
    assert str(work / "c.sock") in done.stderr
