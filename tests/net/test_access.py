# SPDX-License-Identifier: BSD-3-Clause
"""
Who may use the control socket and the socket of figures: other users of this machine, played by setpriv.

    root, uid 50009 (owner), group 60001 (group), group 60002 (read_group), somebody -- control.sock, metrics.sock -- mcswitch
"""

import grp
import os
import pwd
import shutil
import stat
import subprocess

import pytest

from lab.process import LabError
from lab.switch import CLIENT, Switch, available

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "")
OWNER, GROUP, READ_GROUP, SOMEBODY = 50009, 60001, 60002, 50001
GET = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'GET /metrics HTTP/1.0\\r\\n\\r\\n'); " \
      "print(s.recv(64).decode().split()[1])"


@pytest.fixture
def access():
    """A switch with this part `control`, in a directory that everybody may pass through."""
    made = []

    def make(**control):
        one = Switch(uplinks=(), config={"control": control}, start=False, label="access")
        made.append(one)
        one.config["metrics"] = {"listen": str(one.work / "metrics.sock")}
        os.chmod(one.work.path, 0o711)
        shutil.copy(CLIENT, one.work / "mcctl")  # wherever it was built, others may not look there
        one.start()
        return one

    yield make
    for one in made:
        if one.process and one.process.running():
            one.stop()
        one.close()


def run_as(uid, gid, groups, argv):
    who = ["setpriv", "--reuid", str(uid), "--regid", str(gid)] if uid else ["setpriv"]
    who += (["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]) if uid else []
    return subprocess.run([*who, *map(str, argv)], capture_output=True, text=True, timeout=10, check=False, cwd="/")


def mcctl(switch, who, *words):
    return run_as(*who, [switch.work / "mcctl", "--socket", switch.socket, *words])


WRITE, READ, NONE = "write", "read", "none"
WHO = [
    ((0, 0, ()), WRITE),
    ((OWNER, SOMEBODY, ()), WRITE),
    ((SOMEBODY, GROUP, ()), WRITE),
    ((SOMEBODY, SOMEBODY, (4, GROUP)), WRITE),
    ((SOMEBODY, READ_GROUP, ()), READ),
    ((SOMEBODY, SOMEBODY, (4, READ_GROUP)), READ),
    ((SOMEBODY, READ_GROUP, (GROUP,)), WRITE),
    ((SOMEBODY, SOMEBODY, ()), NONE),
    ((SOMEBODY, SOMEBODY, (4, 60003)), NONE),
]


def test_roles(access):
    """Everybody looks or not, and acts or not, as the configuration says; nobody by another's name."""
    switch = access(owner=OWNER, group=GROUP, read_group=READ_GROUP)
    status = os.stat(switch.socket)
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (OWNER, GROUP, 0o666)
    for who, role in WHO:
        look = mcctl(switch, who, "show", "status")
        act = mcctl(switch, who, "set", "igmp", "queries", "3")
        if role == NONE:
            assert look.returncode == act.returncode == 1 and "neither owner nor in a group" in look.stderr, (who, look.stderr)
        else:
            assert look.returncode == 0 and "mcswitch" in look.stdout, (who, look.stderr)
        if role == WRITE:
            assert act.returncode == 0, (who, act.stderr)
        if role == READ:
            assert act.returncode == 1 and "may only look" in act.stderr, (who, act.stderr)
            capture = mcctl(switch, who, "capture", "count", "1")
            assert capture.returncode == 1 and "may only look" in capture.stderr
        figures = run_as(*who, ["/usr/bin/python3", "-c", GET, switch.work / "metrics.sock"])
        assert figures.stdout.strip() == ("403" if role == NONE else "200"), (who, figures)


def test_without_read_group_the_kernel_decides(access):
    switch = access(group=GROUP)
    status = os.stat(switch.socket)
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (os.geteuid(), GROUP, 0o660)
    assert mcctl(switch, (SOMEBODY, SOMEBODY, (GROUP,)), "set", "igmp", "queries", "3").returncode == 0
    done = mcctl(switch, (SOMEBODY, SOMEBODY, (READ_GROUP,)), "show", "status")
    assert done.returncode == 2 and "permission denied" in done.stderr


def test_nothing_given(access):
    switch = access()
    status = os.stat(switch.socket)
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (os.geteuid(), os.getegid(), 0o660)


def test_names(access):
    switch = access(owner="daemon", group="adm", read_group="games")
    status = os.stat(switch.socket)
    assert (status.st_uid, status.st_gid) == (pwd.getpwnam("daemon").pw_uid, grp.getgrnam("adm").gr_gid)
    games = grp.getgrnam("games").gr_gid
    assert mcctl(switch, (SOMEBODY, games, ()), "show", "ports").returncode == 0
    assert mcctl(switch, (SOMEBODY, games, ()), "reload").returncode == 1


@pytest.mark.parametrize("key, name", [("owner", "nobody-of-that-name"), ("group", "no-such-group"), ("read_group", "no-such-group")])
def test_name_that_nobody_has(access, key, name):
    with pytest.raises(LabError, match=f"ended with 2(?s:.*){key}: there is no (user|group) named {name}"):
        access(**{key: name})
