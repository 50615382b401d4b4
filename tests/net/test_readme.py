# SPDX-License-Identifier: BSD-3-Clause
"""
Every command and every fragment that README.md, docs/ and the man pages show is run here, as printed but for paths. What cannot be run is
marked on the page, with the reason, and skipped by name. A command that no test knows is a failure.
"""

import os
import re
import shlex
import subprocess
import xml.dom.minidom
from pathlib import Path

import pytest

from lab import frames
from lab.pages import blocks
from lab.process import REPO, Workdir, run, wait_for
from lab.switch import CLIENT, DAEMON, available
from lab.vm import Qmp

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "")

# Pages that other tests run: tests/vm/baremetal boots what docs/bare-metal.md shows.
ELSEWHERE = {"bare-metal.md"}
PAGES = [REPO / "README.md", *sorted(path for path in (REPO / "docs").glob("*.md") if path.name not in ELSEWHERE),
         *sorted((REPO / "docs/man").glob("*.[158]")), REPO / "docs/man/mcctl.1.in"]
BLOCKS = list(blocks(PAGES, REPO))
RUN = [block for block in BLOCKS if not block.reason]
# Scripts that this very run, or a person, begins with: here only that they are there.
BEGINNINGS = {"tools/quickstart", "tools/test", "tools/setup", "tools/build", "tools/bench"}


def commands(*programs):
    """pytest parameters: the command lines that begin with one of these programs."""
    return [pytest.param(command, id=f"{block}-{command[:40]}") for block in RUN if block.language == ""
            for command in block.commands() if command.split()[0] in programs]


def fenced(language):
    return [pytest.param(block.text, id=str(block)) for block in RUN if block.language == language]


@pytest.mark.parametrize("block", [pytest.param(block, id=str(block)) for block in BLOCKS if block.reason])
def test_marked_as_example(block):
    pytest.skip(f"{block}: {block.reason}")


def test_every_block_is_known():
    languages = {"", "yaml", "xml", "sh"}
    assert not [str(block) for block in RUN if block.language not in languages]
    known = BEGINNINGS | {"mcswitch", "mcctl", "qemu-system-x86_64", "dpdk-testpmd", "tools/doctor", "mcswitch-doctor"}
    unknown = [f"{block}: {command}" for block in RUN if block.language == "" for command in block.commands()
               if command.split()[0] not in known and not re.match(r"frames received ", command)
               and not re.match(r"entries of ", command)]
    assert not unknown, unknown
    assert len(commands("mcctl")) > 30 and len(commands("mcswitch")) >= 6 and len(commands("qemu-system-x86_64")) == 3


@pytest.mark.parametrize("command", commands(*BEGINNINGS))
def test_scripts_are_there(command):
    for word in command.replace("&&", " ").split():
        if word.startswith("tools/"):
            assert os.access(REPO / word, os.X_OK)


@pytest.mark.parametrize("command", commands("mcswitch"))
def test_launch_lines(command):
    ours = command.split(" -- ", 1)[1]
    example = REPO / "app/mcswitch/mcswitch.yaml"
    ours = ours.replace("/etc/mcswitch/mcswitch.yaml", str(example)).replace("FILE", str(example))
    done = subprocess.run([DAEMON, "--", *shlex.split(ours), "--check"], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, ""), command


@pytest.mark.parametrize("fragment", fenced("yaml"))
def test_configuration(fragment):
    with Workdir("readme") as work:
        path = work / "readme.yaml"
        path.write_text(fragment)
        done = subprocess.run([DAEMON, "--", "--check", "--config", path], capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("fragment", fenced("xml"))
def test_xml(fragment):
    """A whole machine is held to libvirt's own schema, a fragment to XML."""
    if not fragment.startswith("<domain"):
        xml.dom.minidom.parseString(f"<domain>{fragment}</domain>")
        return
    xml.dom.minidom.parseString(fragment)
    if subprocess.run(["which", "virt-xml-validate"], capture_output=True, check=False).returncode:
        pytest.skip("virt-xml-validate is missing: apt-get install libvirt-clients")
    with Workdir("xml") as work:
        (work / "domain.xml").write_text(fragment)
        run(["virt-xml-validate", work / "domain.xml", "domain"])


def test_mcctl_lines(net):
    """Page after page, on one switch with the ports that the pages name."""
    net = net({"vm1": {"vlan": 20}}, uplinks=("up0", "up1"))
    net.switch.ctl("query vm1")
    for param in commands("mcctl"):
        command = param.values[0].replace("/run/mcswitch", str(net.switch.work)).replace("mcctl ", f"{CLIENT} --socket {net.switch.socket} ", 1)
        words = shlex.split(command)[3:]
        if words == ["watch"]:
            watch(net)
            continue
        if words[0] == "capture":
            capture(net, command)
            continue
        done = subprocess.run(command, shell=True, cwd=net.switch.work.path, capture_output=True, text=True, timeout=10, check=False)
        assert done.returncode == 0, f"{param.id}: {done.stderr}"


def watch(net):
    """What happens after it says so is shown."""
    watcher = net.switch.watch()
    net.switch.ctl("set igmp queries 2")
    watcher.expect(type="config")
    watcher.close()


def capture(net, command):
    """As many frames as it waits for, from the moment it says that it captures."""
    count = int(command.split(" count ")[1].split()[0])
    file = net.switch.work / command.split(">")[1].strip()
    with subprocess.Popen(command, shell=True, cwd=net.switch.work.path, stderr=subprocess.PIPE, text=True) as done:
        try:
            assert "capturing" in done.stderr.readline()
            net.switch.wait_turn()
            net.ups["up0"].send([frames.udp("02:00:00:00:00:99", "10.0.0.99", "239.1.1.1", b"%d" % i, vlan=20) for i in range(count)])
            assert f"{count} frames, 0 lost" in done.communicate(timeout=10)[1]
        finally:
            done.terminate()
    assert done.returncode == 0 and file.read_bytes()[:4] == bytes.fromhex("0a0d0d0a")


@pytest.mark.parametrize("line", commands("qemu-system-x86_64"))
def test_qemu_line(net, line):
    """Accelerator, path and a monitor differ; the card is realized, so the vhost-user connection stands."""
    client = "server=on" in line
    net = net({"vm1": {"mode": "client"} if client else {}}, connect=False)
    line = line.replace("-accel kvm", "-accel tcg").replace("-m 1024", "-m 128")
    line = line.replace("size=1024M", "size=128M").replace("/run/mcswitch/vm1.sock", net.switch.guests["vm1"]["socket"])
    monitor = net.switch.work / "qmp.sock"
    qemu = subprocess.Popen([*shlex.split(line), "-display", "none", "-S", "-qmp", f"unix:{monitor},server=on,wait=off"],
                            stderr=subprocess.PIPE, text=True)
    qmp = None
    try:
        wait_for(monitor.exists, 20, "QEMU's monitor")
        qmp = Qmp(monitor, "qemu", None)
        assert qmp.command("query-rx-filter")[0]["main-mac"] == "00:50:56:a2:7d:63"
        assert "net0" in qmp.command("human-monitor-command", **{"command-line": "info network"})
        assert qemu.poll() is None, qemu.stderr.read()
    finally:
        if qmp:
            qmp.close()
        qemu.kill()
        qemu.wait()


@pytest.mark.parametrize("line", commands("dpdk-testpmd"))
def test_testpmd_line(net, line):
    """testpmd is a guest: its port comes up, and it counts the stream that its static membership gives it."""
    net = net({"vm1": {"vlan": 20, "mac": "00:50:56:a2:7d:63"}}, connect=False,
              config={"vlans": [{"id": 20, "static": [{"group": "239.1.1.1", "ports": ["vm1"]}]}]})
    line = line.replace("/run/mcswitch/vm1.sock", net.switch.guests["vm1"]["socket"])
    if not net.switch.hugepages.ok:
        line = line.replace("--in-memory --single-file-segments", "--no-huge")
    assert "-m 256" in line
    out = net.switch.work / "testpmd"
    with open(out, "wb") as file:
        testpmd = subprocess.Popen(shlex.split(line), stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        net.switch.wait("show ports", lambda ports: any(p["name"] == "vm1" and p["state"] == "up" for p in ports), timeout=20,
                        what=lambda: out.read_text())
        sent = [0]

        def counted():
            net.up.send([stream_frame(sent[0])])
            sent[0] += 1
            return re.search(r"RX-packets: [1-9]", out.read_text(errors="replace"))
        wait_for(counted, 15, lambda: out.read_text(errors="replace")[-2000:], every=0.05)
    finally:
        testpmd.terminate()
        testpmd.wait(20)


def stream_frame(number):
    from lab import frames
    return frames.udp("02:00:00:00:00:99", "10.0.0.99", "239.1.1.1", b"%d" % number, vlan=20)


@pytest.mark.parametrize("command", commands("tools/doctor", "mcswitch-doctor"))
def test_doctor_lines(command):
    words = shlex.split(command.replace("/etc/mcswitch/mcswitch.yaml", str(REPO / "app/mcswitch/mcswitch.yaml")))
    done = subprocess.run([REPO / "tools/doctor", *words[1:]], cwd=REPO, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 1) and "finding" in done.stdout, done.stderr


@pytest.mark.parametrize("script", fenced("sh"))
def test_libvirt_hook(script):
    """The page shows the file that is installed. It is tried with a client that refuses twice."""
    hook = REPO / "packaging/libvirt-hook"
    assert script == hook.read_text()
    with Workdir("hook") as work:
        calls = work / "calls"
        mcctl = work / "mcctl"
        mcctl.write_text(f'#!/bin/sh\necho "$*" >> {calls}\n[ "$(wc -l < {calls})" -ge 3 ]\n')
        mcctl.chmod(0o755)
        env = {**os.environ, "PATH": f"{work}:{os.environ['PATH']}"}
        for operation in ("prepare", "start", "migrate", "stopped", "release"):
            subprocess.run([hook, "vm1", operation, "begin", "-"], env=env, timeout=10, check=True)
        assert not calls.exists()
        subprocess.run([hook, "vm1", "started", "begin", "-"], env=env, timeout=1, check=True)  # it does not keep libvirt waiting
        wait_for(lambda: calls.exists() and len(calls.read_text().splitlines()) == 3, 5, "three calls")
        assert set(calls.read_text().splitlines()) == {"guest migrated vm1"}
        words = run([CLIENT, "--help"])
        assert re.search(r"^  guest migrated NAME", words, re.M)


# ---- man pages ----

MAN = DAEMON.parents[2] / "docs/man/mcctl.1"
SECTIONS = {path.name: path for path in [*sorted((REPO / "docs/man").glob("*.[158]")), MAN]}


@pytest.mark.parametrize("name", SECTIONS)
def test_man_page_is_clean(name):
    """mandoc finds nothing, but pages of this project that are not installed yet; man shows it."""
    if subprocess.run(["which", "mandoc"], capture_output=True, check=False).returncode:
        pytest.skip("mandoc is missing: apt-get install mandoc")
    done = subprocess.run(["mandoc", "-Tlint", SECTIONS[name]], capture_output=True, text=True, timeout=20, check=False)
    found = [line for line in done.stdout.splitlines() if "referenced manual not found: Xr mc" not in line]
    assert not found, found
    shown = subprocess.run(["mandoc", "-Tascii", SECTIONS[name]], capture_output=True, text=True, timeout=20, check=True).stdout
    assert "SEE" in shown.replace("\b", "") and len(shown) > 500


def test_references_between_man_pages_hold():
    for path in SECTIONS.values():
        for page, section in re.findall(r"^\.Xr (mc\S+) (\d)", path.read_text(), re.M):
            assert f"{page}.{section}".replace("\\-", "-") in SECTIONS, f"{path}: {page}({section})"


def test_mcctl_page_has_every_verb():
    page = MAN.read_text().replace("\\-", "-").replace("\\&", "")
    usages = [re.sub(r"\s{2,}.*", "", line.strip()) for line in run([CLIENT, "--help"]).splitlines() if re.match(r"  [a-z]", line)]
    assert len(usages) > 15
    for usage in usages:
        words = re.match(r"[a-z]+( [a-z]+(?= |$))*", usage).group(0)
        rest = usage[len(words):].strip()
        assert f'Cm "{words}"' + (f' Ar "{rest}"' if rest else "") + " Xc" in page, usage


def test_mcswitch_page_has_every_option():
    page = (REPO / "docs/man/mcswitch.8").read_text().replace("\\-", "-")
    options = re.findall(r"--[a-z][a-z-]+", run([DAEMON, "--help"]).split("The first lcore")[0])
    assert len(options) > 7
    for option in options:
        assert f"Fl {option[1:]}" in page, option


def test_yaml_page_has_every_key():
    page = (REPO / "docs/man/mcswitch.yaml.5").read_text()
    keys = set(re.findall(r"(?:TEXT|PART)\(\w+, (\w+)\)|LIST\(\"(\w+)\"", (REPO / "lib/conf/schema.c").read_text()))
    keys = {one or other for one, other in keys}
    named = set(re.findall(r"\w+", " ".join(re.findall(r"^\.I[tc] ?(?:Ic )?(.*)$", page, re.M))))
    assert len(keys) > 30 and keys <= named, keys - named


def test_example_names_every_key():
    text = Path(REPO / "app/mcswitch/mcswitch.yaml").read_text()
    keys = {one or other for one, other in re.findall(r"(?:TEXT|PART)\(\w+, (\w+)\)|LIST\(\"(\w+)\"",
                                                      (REPO / "lib/conf/schema.c").read_text())}
    assert not {key for key in keys if not re.search(rf"\b{key}:", text)} - {"source", "trunk", "device"}
