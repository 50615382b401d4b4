# SPDX-License-Identifier: BSD-3-Clause
"""
The systemd unit: hardened, and yet the daemon runs. There is no systemd to start it here, so each wall is tried by itself: system
calls against the filter, files against the read-only tree, and a start by an ordinary user without a capability.
"""

import os
import re
import shutil
import stat
import subprocess

import pytest
from lab import frames
from lab.process import BUILD, REPO, Workdir
from lab.switch import Switch, available

UNIT = BUILD / "packaging/mcswitch.service"
pytestmark = pytest.mark.skipif(bool(available()) or not UNIT.exists(), reason=available() or f"not built: {UNIT}")
NOBODY = 65534
DONE_WITHOUT = {"iopl"}  # EAL tries it at start, for the ports of legacy virtio, and goes on when it is refused


def settings(name):
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)


def needs(tool, package):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is missing: apt-get install {package}")


def test_exposure():
    """3.0 or less; systemd counts in tenths."""
    needs("systemd-analyze", "systemd")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", UNIT], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-300:]
    assert float(re.search(r"exposure level for \S+: ([\d.]+)", done.stdout).group(1)) <= 3.0


def test_systemd_understands_every_line():
    needs("systemd-analyze", "systemd")
    with Workdir("unit") as work:
        text = UNIT.read_text()
        for name in ("mcswitch", "mcctl"):  # verify wants programs that are there
            text = re.sub(rf"(?<==)\S*/{name} ", f"{shutil.which('true')} ", text)
        (work / "mcswitch.service").write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", work / "mcswitch.service"], capture_output=True, text=True,
                              timeout=60, check=False)
        assert not [line for line in done.stderr.splitlines() if "mcswitch.service" in line], done.stderr


def test_it_says_what_the_daemon_does():
    assert settings("Type") == ["notify"] and int(settings("WatchdogSec")[0]) > 0
    assert settings("EnvironmentFile") == ["-/etc/default/mcswitch"]
    assert settings("RuntimeDirectory") == ["mcswitch"] and settings("StateDirectory") == ["mcswitch"]
    assert settings("CapabilityBoundingSet") == [""] and settings("NoNewPrivileges") == ["yes"]
    assert settings("ExecStart")[0].endswith("/mcswitch $MCSWITCH_EAL -- --config /etc/mcswitch/mcswitch.yaml $MCSWITCH_OPTIONS")
    default = (REPO / "packaging/mcswitch.default").read_text()
    for name in ("MCSWITCH_EAL", "MCSWITCH_OPTIONS"):
        assert f"${name}" in settings("ExecStart")[0] and f"#{name}=" in default


def syscalls(name, known={}):
    """The system calls of a set such as @system-service."""
    if not known:
        done = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, timeout=60, check=True)
        for block in re.split(r"\n(?=@)", re.sub(r"\x1b\[[\d;]*m", "", done.stdout)):
            first, *rest = block.splitlines()
            known[first.strip()] = [word.strip() for word in rest if word.strip() and not word.strip().startswith("#")]
    return {name} if not name.startswith("@") else set().union(*(syscalls(one, known) for one in known[name]))


def filter_of_the_unit():
    allowed = set()
    for value in settings("SystemCallFilter"):
        named = set().union(*(syscalls(word) for word in value.lstrip("~").split()))
        allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed


class Traced(Switch):
    """strace stands beside it and writes down every call; the process is still the daemon's."""

    def argv(self):
        return ["strace", "-D", "-f", "-qq", "-y", "-o", self.work / "trace", *super().argv()]


def test_the_life_of_a_daemon_stays_within_the_walls():
    """Start, a guest that joins, stop: only calls of the filter, and no memory both writable and executable."""
    needs("strace", "strace")
    needs("systemd-analyze", "systemd")
    with Traced(uplinks=(), guests={"vm1": {"vlan": 20}}, memory_mb=256) as switch:
        guest = switch.vguest("vm1")
        guest.wait_up()
        guest.send(frames.igmp3_join(guest.mac, "10.0.0.1", "239.1.1.1"))
        switch.wait_member("vm1", "239.1.1.1")
        guest.close()
        switch.stop()
        trace = (switch.work / "trace").read_text(errors="replace")
        # From execve of the daemon on; what the kernel does for exec itself systemd allows.
        used = set(re.findall(r"^\d+ +(\w+)\(", trace, re.M)) - {"execve"}
        assert len(used) > 30
        denied = used - filter_of_the_unit() - DONE_WITHOUT
        assert not denied, [line for line in trace.splitlines() if any(f" {name}(" in line for name in denied)][:9]
        both = [line for line in trace.splitlines() if re.search(r"\b(mmap|mprotect)\(.*PROT_WRITE\|PROT_EXEC", line)]
        assert not both, both[:3]
        families = set(re.findall(r"\bsocket\((AF_\w+)", trace))
        assert families <= set(settings("RestrictAddressFamilies")[0].split()), families
        written = set(re.findall(r"\bopenat\([^,]*, \"([^\"]+)\", [^)]*O_(?:WRONLY|RDWR|CREAT)", trace))
        outside = {path for path in written if not path.startswith((str(switch.work), "/dev/", "/proc/self/", "/run/mcswitch"))}
        assert not outside, outside


class Ordinary(Switch):
    """Started by nobody, without groups and capabilities, and without a way to get any."""

    def argv(self):
        os.chown(self.work.path, NOBODY, NOBODY)
        words = [str(word) for word in super().argv()]
        (self.work / "mcswitch.yaml").chmod(0o644)
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
                "--no-new-privs", *words]


@pytest.mark.parametrize("hugepages", [True, False])
def test_an_ordinary_user_without_capabilities(hugepages):
    needs("setpriv", "util-linux")
    with Ordinary(uplinks=(), guests={"vm1": {"vlan": 20}}, memory_mb=256, hugepages=hugepages, start=False) as switch:
        if hugepages and not switch.hugepages.ok:
            pytest.skip("no hugepages to be had")
        switch.env = {"RUNTIME_DIRECTORY": str(switch.work.path)}  # as systemd sets it
        switch.start()
        status = (switch.process.log_text(), open(f"/proc/{switch.process.pid}/status", encoding="ascii").read())
        assert re.search(r"^CapEff:\s+0+$", status[1], re.M) and re.search(rf"^Uid:\s+{NOBODY}\b", status[1], re.M)
        guest = switch.vguest("vm1")
        guest.wait_up()
        guest.send(frames.igmp3_join(guest.mac, "10.0.0.1", "239.1.1.1"))
        switch.wait_member("vm1", "239.1.1.1")
        switch.check_law()
        switch.stop()


def test_sockets_of_guests_get_the_group_of_their_directory():
    """What tmpfiles.d's setgid directory is for: QEMU's group on guests' sockets, and not on the control socket."""
    with Workdir("setgid") as work:
        directory = work / "guests"
        directory.mkdir()
        os.chown(directory, -1, 12345)
        directory.chmod(0o2770)
        with Switch(uplinks=(), guests={"vm1": {"socket": str(directory / "vm1.sock")}}, memory_mb=256, hugepages=False) as switch:
            status = os.stat(directory / "vm1.sock")
            assert (status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 0o660)
            assert os.stat(switch.socket).st_gid != 12345
            switch.stop()
    assert re.search(r"^d /run/mcswitch/guests 2770 mcswitch mcswitch-guests", (REPO / "packaging/tmpfiles.conf").read_text(), re.M)
