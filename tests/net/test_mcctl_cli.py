# SPDX-License-Identifier: BSD-3-Clause
"""
mcctl on its own: no namespace, no DPDK, no root.

    mcctl --Unix socket-- fake_switch   the real API over a fixed scene (tests/unit/fake_control.c)
    mcctl --Unix socket-- Liar          a daemon that misbehaves
"""

import json
import re
import signal
import socket
import subprocess
import tempfile
import threading

import pytest

from lab.process import BUILD

MCCTL = BUILD / "app/mcctl/mcctl"
FAKE = BUILD / "tests/unit/fake_switch"
COMPLETION = BUILD / "app/mcctl/mcctl.bash"

pytestmark = pytest.mark.skipif(not FAKE.exists(), reason="fake_switch is not built (meson -Dtests=true)")


@pytest.fixture(scope="module")
def switch(tmp_path_factory):
    path = tmp_path_factory.mktemp("mcctl") / "control.sock"
    process = subprocess.Popen([FAKE, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.path = path
    yield process
    process.terminate()
    assert process.wait(10) == 0
    assert not path.exists()


def mcctl(path, *words, stdin="", **kwargs):
    words = words[0].split() if len(words) == 1 else words
    return subprocess.run([MCCTL, "--socket", path, *words], input=stdin, capture_output=True, text=True, timeout=30, **kwargs)


def show(switch, words):
    done = mcctl(switch.path, words)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


SHOWS = ["status", "ports", "groups", "snooping", "queriers", "teams", "uplinks", "cores", "drops", "events"]


@pytest.mark.parametrize("what", SHOWS)
def test_every_show_has_a_table_and_json(switch, what):
    people, programs = show(switch, f"show {what}"), show(switch, f"show {what} --json")
    assert len(people.splitlines()) >= 1
    assert programs.count("\n") == 1
    answer = json.loads(programs)
    assert isinstance(answer, dict if what == "status" else list) and answer


@pytest.mark.parametrize("what", ["ports", "groups", "queriers", "teams", "uplinks", "cores", "drops all"])
def test_tables_are_aligned(switch, what):
    """Two blanks run down the whole table between each two headings."""
    lines = show(switch, f"show {what}").splitlines()
    width = max(map(len, lines))
    gaps = "".join(" " if all(line.ljust(width)[i] == " " for line in lines) else "x" for i in range(width))
    assert len(re.findall("x {2,}x", re.sub("x+", "xx", gaps))) == len(lines[0].split()) - 1
    assert all(line == line.rstrip() for line in lines)


def test_groups(switch):
    assert show(switch, "show groups vlan 20 group 239.1.1.1").splitlines() == [
        "VLAN  Source    Group      Port  Mode     Origin   Uptime    Expires   Packets   Pps",
        "  20  *         239.1.1.1  vm1   exclude  snooped  00:01:00  00:03:20     1234  1234",
        "  20  10.0.0.8  239.1.1.1  vm1   include  snooped  00:01:00  00:01:40     1234  1234",
        "  20  10.0.0.9  239.1.1.1  vm1   exclude  snooped  00:01:00  00:03:20     1234  1234",
    ]
    rows = json.loads(show(switch, "--json show groups port vm2"))
    assert [(row["group"], row["origin"], row["expires_ms"]) for row in rows] == [
        ("01:00:5e:01:01:01", "filter", None), ("ff05::1234", "static", None)]
    for key in ("vlan", "group", "source", "mode", "port", "origin", "uptime_ms", "expires_ms", "packets"):
        assert all(key in row for row in rows)


def test_snooping_as_in_the_paper(switch):
    assert show(switch, "show snooping").splitlines() == [
        "Snooping statistics for Vlan20",
        "#channels: 2",
        "#hosts   : 2",
        "",
        "Source/Group       Interface  Reporter        Uptime    Last-Join  Last-Leave",
        "0.0.0.0/239.1.1.1  Vl20:vm1   10.115.172.104  02:29:58  00:01:37   -",
        "0.0.0.0/239.1.1.1  Vl20:vm1   10.115.172.105  02:29:58  00:01:37   00:00:01",
        "0.0.0.0/239.2.2.2  Vl20:vm1   10.115.172.105  02:29:58  00:01:37   00:00:01",
    ]


def test_busiest(switch):
    assert show(switch, "show busiest").splitlines() == [
        "Pps  Packets  Ports  VLAN  Group",
        " 50     1234      2    20  239.1.1.1",
        " 50     1234      2    30  01:00:5e:01:01:01",
    ]
    assert len(json.loads(show(switch, "--json show busiest count 1"))) == 1


def test_cores_and_their_histograms(switch):
    assert show(switch, "show cores all").splitlines() == [
        "Lcore  Node  Role     Ports   Rx  Tx  Rx-Pps  Tx-Pps   Busy  Cycles/Frame  Punt-Ring  Inject-Ring",
        "    0     0  control      0    0   0       0       0   0.0%             -          -            -",
        "    1     1  worker       3  100  95      10       9  12.3%           210     0/1024       2/4096",
        "",
        "Burst, frames         1        2      3-4      5-8     9-16    17-32",
        "lcore 1          40.00%   20.00%    0.00%   40.00%    0.00%    0.00%",
        "",
        "Frame, ways           1        2      3-4      5-8     9-16    17-32    33-64   65-128  129-256",
        "lcore 1          94.74%    5.26%    0.00%    0.00%    0.00%    0.00%    0.00%    0.00%    0.00%",
    ]
    assert len(show(switch, "show cores").splitlines()) == 3


def test_drops_hide_zeros(switch):
    assert "no_member" not in show(switch, "show drops")
    assert "no_member" in show(switch, "show drops all")


@pytest.mark.parametrize("words", [
    "set igmp version auto", "set igmp query_gap_ms 500", "guest add vm3=/s,vlan=20", "guest add vm3 socket /s trunk 20+30",
    "guest del vm1", "query vm1", "uplink down up0", "uplink up up0",
    "team set team0 policy explicit", "team set team0 active up1,up0", "team set team0 failback false",
])
def test_actions_are_quiet(switch, words):
    assert show(switch, words) == ""
    assert show(switch, f"{words} --json") == "{}\n"


@pytest.mark.parametrize("words, word, expected", [
    ("frobnicate", "'frobnicate'", "show, set, group, team, guest, query, uplink, export, import, reload, watch, capture, top"),
    ("show grups", "'grups'", "status, ports, groups"),
    ("show", "'show'", "status, ports, groups"),
    ("show status now", "'now'", "nothing more"),
    ("show groups vlam 20", "'vlam'", "vlan N, group G, port P"),
    ("show groups vlan 20 vlan 30", "'vlan'", "twice"),
    ("show groups vlan", "'vlan'", "vlan N"),
    ("show groups vlan x", "'x'", "a number"),
    ("show groups vlan 4095", "4095", "a VLAN id, 0 to 4094"),
    ("show groups group 10.0.0.1", "10.0.0.1", "a multicast address"),
    ("show busiest count 101", "101", "how many, 1 to 100"),
    ("show groups port vm9", "'vm9'", "no port"),
    ("set igmp colour 3", "'colour'", "version queries query_gap_ms router_address"),
    ("set igmp version", "'version'", "VALUE"),
    ("guest add vm3", "'vm3'", "socket PATH"),
    ("guest add vm3=/s vlan 20", "'vm3=/s'", "alone"),
    ("guest add vm3 socket /s mode both", "'both'", "server client"),
    ("guest show vm9", "'vm9'", "no guest"),
    ("team set team0 colour red", "'colour'", "policy active standby failback"),
    ("team set team0 policy", "'policy'", "VALUE"),
    ("uplink sideways up0", "'sideways'", "up, down"),
    ("--colour", "--colour", "--json"),
    ("show foo --help", "'foo'", "status, ports"),
])
def test_refusals_name_the_word(switch, words, word, expected):
    done = mcctl(switch.path, words)
    assert (done.returncode, done.stdout) == (1, "")
    assert word in done.stderr and expected in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_lines_from_a_file_or_standard_input(switch, tmp_path):
    lines = "# a comment\n\nshow groups group 239.1.1.1 --json\nset igmp queries '3'   # quoted\nshow drops\n"
    file = tmp_path / "lines"
    file.write_text(lines)
    answers = [mcctl(switch.path, "-f", str(file)), mcctl(switch.path, "-f", "-", stdin=lines),
               subprocess.run([MCCTL], input=lines, capture_output=True, text=True, env={"MCSWITCH_SOCKET": str(switch.path)})]
    for done in answers:
        assert (done.returncode, done.stderr) == (0, "")
        first, rest = done.stdout.split("\n", 1)
        assert len(json.loads(first)) == 3
        assert "malformed" in rest
    file.write_text("show status\nguest del 'vm1\nshow ports\n")
    done = mcctl(switch.path, "-f", str(file))
    assert done.returncode == 1 and f"{file}:2: a quote" in done.stderr and "Port" not in done.stdout
    file.write_text("show nothing\nshow status\n")
    done = mcctl(switch.path, "-f", str(file))
    assert done.returncode == 1 and f"{file}:1: 'nothing'" in done.stderr and done.stdout == ""
    assert mcctl(switch.path, "-f", str(tmp_path / "none")).returncode == 1


def test_help_is_one_screen(switch):
    done = mcctl(switch.path, "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) <= 44 and all(len(line) <= 90 for line in done.stdout.splitlines())
    for what in SHOWS:
        assert f"show {what}" in done.stdout
    assert "only this port" in mcctl(switch.path, "show groups --help").stdout
    assert mcctl(switch.path, "help show groups").stdout == mcctl(switch.path, "show groups --help").stdout


@pytest.mark.parametrize("as_json", [False, True])
def test_watch(switch, as_json):
    words = [MCCTL, "--socket", switch.path, "watch"] + ["--json"] * as_json
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        try:
            assert watch.stderr.readline() == "mcctl: watching; Ctrl-C ends it\n"
            switch.send_signal(signal.SIGUSR1)
            line = watch.stdout.readline()
        finally:
            watch.terminate()
    if as_json:
        event = json.loads(line)
        assert (event["type"], event["port"], event["text"], event["number"]) == ("link", "up0", "up0 is down", 7)
    else:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.123  link      up0 is down\n", line)


def test_no_switch(tmp_path):
    missing = tmp_path / "none.sock"
    done = mcctl(missing, "show status")
    assert done.returncode == 2 and str(missing) in done.stderr and "start mcswitch" in done.stderr
    stale = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(stale))
    done = mcctl(stale, "show status")
    assert done.returncode == 2 and str(stale) in done.stderr and "nobody answers" in done.stderr
    assert mcctl("x" * 200, "show status").returncode == 2


class Liar:
    """Answers each connection's first line with the given bytes and closes it."""

    def __init__(self, path, answer):
        self.path, self.answer = path, answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with self.listener, self.listener.accept()[0] as client:
            client.recv(65536)
            client.sendall(self.answer)


EVIL = {"name": "\x1b[2J", "state": None, "trunk": ["x" * 500] * 9, "since_ms": -1, "vlan": "", "rx_packets": {}}


LIES = [
    (b"", 2, "closed the connection"),
    (b"nonsense\n", 2, "not JSON"),
    (b"{\"jsonrpc\":\"2.0\",\"id\":1}\n", 2, "no result"),
    (b"{\"id\":1,\"error\":{}}\n", 1, "refused"),
    (b"{\"id\":null,\"error\":{\"message\":\"64 clients already\"}}\n", 1, "64 clients already"),
    (b"{\"method\":\"event\",\"params\":{}}\n{\"id\":1,\"result\":[]}\n", 0, ""),
    (b"{\"id\":1,\"result\":5}\n", 0, ""),
    (json.dumps({"id": 1, "result": [EVIL, 7, None, []]}).encode() + b"\n", 0, ""),
]


@pytest.mark.parametrize("answer, code, told", LIES, ids=["silence", "nonsense", "nothing", "refusal", "full", "event", "five", "evil"])
@pytest.mark.parametrize("words", ["show ports", "show status", "show snooping", "show drops all", "schema", "show cores"])
def test_liars(words, answer, code, told):
    with tempfile.TemporaryDirectory() as directory:
        liar = Liar(f"{directory}/liar.sock", answer)
        done = mcctl(liar.path, words)
    assert done.returncode == code, done
    assert told in done.stderr and (code == 0) == (done.stderr == "")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("line, words", [
    ("", ["show", "set", "group", "team", "guest", "query", "uplink", "export", "import", "reload", "watch", "capture", "top", "schema"]),
    ("sh", ["show"]),
    ("show gr", ["groups"]),
    ("show groups ", ["vlan", "group", "port"]),
    ("show groups vlan 20 ", ["group", "port"]),
    ("show groups vlan ", []),
    ("show groups port v", ["vm1", "vm2"]),
    ("--json show drops ", ["all"]),
    ("set igmp ver", ["version"]),
    ("set igmp version ", []),
    ("guest add ", []),
    ("guest add vm3 so", ["socket", "sources"]),
    ("guest add vm3 socket /s mode ", ["server", "client"]),
    ("uplink ", ["up", "down"]),
    ("query ", ["up0", "vm1", "vm2"]),
    ("show status ", []),
    ("--so", ["--socket"]),
])
def test_completion(switch, line, words):
    script = f"""
        source {COMPLETION}
        mcctl() {{ {MCCTL} "$@"; }}
        COMP_WORDS=(mcctl --socket {switch.path} {line}{"''" if line.endswith(" ") or not line else ""})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _mcctl
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.split() == words


def test_completion_knows_every_verb(switch):
    printed = mcctl(switch.path, "--completion").stdout
    assert printed == COMPLETION.read_text()
    for line in mcctl(switch.path, "--help").stdout.splitlines():
        verb = re.match(r"  (show|set|guest|uplink|query|watch|capture|schema) ?(\w*)", line)
        if verb:
            assert verb.group(1) in printed and verb.group(2).lower() in printed
