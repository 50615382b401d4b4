# SPDX-License-Identifier: BSD-3-Clause
"""
mcctl top on a terminal: tmux plays it, and its screen is compared.

    tmux window (W x H) -- shell -- mcctl top -- fake_switch, or a real one
"""

import json
import re
import shutil
import subprocess

import pytest

from lab import frames
from lab.process import BUILD, Process, Workdir, wait_for

MCCTL = BUILD / "app/mcctl/mcctl"
FAKE = BUILD / "tests/unit/fake_switch"

pytestmark = pytest.mark.skipif(not FAKE.exists() or not shutil.which("tmux"), reason="fake_switch or tmux is missing")

SCREEN = """\
mcswitch 0.1.0  up 01:01:01  groups 3  memberships 3  mbufs 512/8192  dropped 10

Core  Role      Busy  Cycles/Frame  Rx-Pps  Tx-Pps  Punt-Ring  Inject-Ring
   0  control   0.0%             -       0       0        0/0          0/0
   1  worker   12.3%           210      10       9     0/1024       2/4096

Port  State  Rx-Pps  Tx-Pps  Rx-Mbit/s  Tx-Mbit/s  Drops/s
up0   up        100       0       0.00       0.00        0
vm1   up          0      90       0.00       0.00        0
vm2   down        0       0       0.00       0.00        0

Pps  Packets  Ports  VLAN  Group
 50     1234      2    20  239.1.1.1
 50     1234      2    30  01:00:5e:01:01:01
"""


class Terminal:
    """A window of its own tmux server, with a shell that says "$ "."""

    def __init__(self, work, width=90, height=24):
        self.socket, self.log = work / "tmux", work / "pane"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  "env", "-i", "PS1=$ ", "PATH=/usr/bin:/bin", "TERM=screen", "/bin/bash", "--norc", "--noprofile")
        self.wait(lambda screen: screen.startswith("$"), "a shell")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], capture_output=True, text=True, timeout=20, check=True).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def wait(self, condition, what):
        last = [""]

        def holds():
            last[0] = self.screen()
            return condition(last[0]) and last[0]
        return wait_for(holds, 15, lambda: f"{what}; the screen:\n{last[0]}")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def value(self, name):
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()

    def close(self):
        # A hang-up would let a program under LeakSanitizer look for leaks without a terminal, for ever.
        for pid in self.tmux("list-panes", "-F", "#{pane_pid}").split():
            subprocess.run(["pkill", "-KILL", "-P", pid], check=False)
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def place():
    with Workdir("top") as work, Process([FAKE, work / "control.sock"], work / "log") as switch:
        wait_for((work / "control.sock").exists, 10, "the fake switch", alive=switch)
        terminal = Terminal(work)
        work.switch, work.terminal = switch, terminal
        yield work
        terminal.close()


def start(place, *words):
    place.terminal.keys(f"{MCCTL} --socket {place / 'control.sock'} top {' '.join(words)}", "Enter")
    return place.terminal.wait(lambda screen: screen.startswith("mcswitch "), "a frame")


def stty(place):
    """The terminal's settings. What is typed does not hold the word that ends the answer."""
    place.asked = getattr(place, "asked", 0) + 1
    place.terminal.keys(f"clear; stty -a; echo 'end' {place.asked}", "Enter")
    screen = place.terminal.wait(lambda screen: f"\nend {place.asked}\n" in screen, "stty's answer")
    return screen[screen.index("speed"):screen.index("\nend ")]


def left(screen):
    return screen.startswith("$") and "Cycles/Frame" not in screen


def test_one_frame_is_the_expected_text(place):
    argv = [MCCTL, "--socket", place / "control.sock", "top", "--once"]
    assert subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True).stdout == SCREEN
    argv.remove("--once")  # no terminal: the same
    assert subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True).stdout == SCREEN
    told = json.loads(subprocess.run([*argv, "--json"], capture_output=True, text=True, timeout=10, check=True).stdout)
    assert set(told) == {"status", "cores", "ports", "groups"}


def test_the_screen(place):
    screen = start(place)
    assert screen.rstrip("\n") + "\n" == SCREEN
    assert place.terminal.value("alternate_on") == "1" and place.terminal.value("cursor_flag") == "0"
    colours = place.terminal.tmux("capture-pane", "-p", "-e")
    assert re.search(r"\x1b\[7m ?Core", colours) and re.search(r"\x1b\[7mPort", colours)


def test_q_gives_the_terminal_back(place):
    before = stty(place)
    place.terminal.keys("clear; echo what was there", "Enter")
    place.terminal.wait(lambda screen: "what was there\n$" in screen, "the shell's screen")
    start(place)
    place.terminal.keys("x")  # no key of ours
    place.terminal.keys("q")
    screen = place.terminal.wait(lambda screen: "what was there" in screen, "the shell's screen again")
    assert "Cycles/Frame" not in screen
    assert place.terminal.value("alternate_on") == "0" and place.terminal.value("cursor_flag") == "1"
    assert stty(place) == before


@pytest.mark.parametrize("number", ["INT", "TERM", "HUP", "QUIT"])
def test_signals_give_the_terminal_back(place, number):
    before = stty(place)
    place.terminal.keys("clear", "Enter")
    start(place)
    pid = place.terminal.tmux("list-panes", "-F", "#{pane_pid}").strip()
    subprocess.run(["pkill", f"-{number}", "-P", pid, "mcctl"], check=True)
    place.terminal.wait(lambda screen: "Cycles/Frame" not in screen and "$" in screen, "the shell's screen")
    assert stty(place) == before


def test_suspended_and_continued(place):
    start(place)
    place.terminal.keys("C-z")
    place.terminal.wait(lambda screen: "Stopped" in screen, "the shell, with a stopped job")
    place.terminal.keys("fg", "Enter")
    place.terminal.wait(lambda screen: screen.startswith("mcswitch "), "a frame again")
    place.terminal.keys("q")
    place.terminal.wait(lambda screen: "Cycles/Frame" not in screen, "the shell")


def test_it_follows_the_window(place):
    start(place)
    place.terminal.tmux("resize-window", "-x", "40", "-y", "11")
    screen = place.terminal.wait(lambda screen: "Drops/s" not in screen and len(screen.splitlines()) == 11, "a small frame")
    whole = SCREEN.splitlines()
    assert screen.splitlines() == [line[:40].rstrip() for line in [*whole[:8], *whole[10:13]]]  # a port and a group
    place.terminal.tmux("resize-window", "-x", "90", "-y", "24")
    place.terminal.wait(lambda screen: screen.rstrip("\n") + "\n" == SCREEN, "the whole frame again")
    place.terminal.tmux("resize-window", "-x", "5", "-y", "2")
    place.terminal.wait(lambda screen: screen.splitlines()[0] == "mcswi", "a tiny frame")


def test_the_switch_ends(place):
    start(place)
    place.switch.terminate()
    screen = place.terminal.wait(lambda screen: "closed the connection" in screen, "why it ended")
    assert "Cycles/Frame" not in screen


def test_live_rates(net):
    one = net({"vm1": {}})
    vm1 = one.guests["vm1"]
    vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, "239.1.1.1"))
    one.switch.wait_member("vm1", "239.1.1.1")
    vm1.sink()
    stream = [bytes(frames.udp("02:00:00:00:00:99", "10.0.0.99", "239.1.1.1", b"x" * 500))] * 20
    terminal = Terminal(one.switch.work)
    try:
        terminal.keys(f"{MCCTL} --socket {one.switch.socket} top", "Enter")

        def moves(screen):
            one.up.send(stream)
            return (re.search(r"^up0 +up +[1-9]\d* ", screen, re.M) and re.search(r"^vm1 +up +\d+ +[1-9]\d* ", screen, re.M)
                    and re.search(r"^ *[1-9]\d* +\d+ +2 +0  239.1.1.1$", screen, re.M))
        terminal.wait(moves, "rates of both ports and the group")
    finally:
        terminal.close()
