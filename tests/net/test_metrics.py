# SPDX-License-Identifier: BSD-3-Clause
"""
Figures for Prometheus: both formats, over a Unix socket and an address, and what the dashboard asks for.

    test --raw-- TAP up0 -- mcswitch == vhost-user == vm1, vm2
                               |
              GET /metrics: this test, promtool, prometheus_client's parser
"""

import json
import os
import re
import socket
import stat
import subprocess
import time

import pytest

from lab import frames
from lab.process import REPO, run, wait_for

openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser")
prometheus = pytest.importorskip("prometheus_client.parser")

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
GROUP, OUTSIDE, SOURCE = "239.1.1.1", "02:00:00:00:00:99", "10.0.0.99"


def connect(net, where=None):
    """Where the switch listens: its socket, or a port of the wire's namespace."""
    where = where or net.switch.config["metrics"]["listen"]
    if where.startswith("/"):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(where)
        return sock
    host, port = where.rsplit(":", 1)
    with net.wire.entered():
        return socket.create_connection((host, int(port)), timeout=10)


def ask(net, accept="", path="/metrics", method="GET", where=None):
    """(status, headers, body) of one request; HTTP/1.1, so the answer comes in chunks."""
    with connect(net, where) as sock:
        sock.settimeout(10)
        sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    head, body = answer.split(b"\r\n\r\n", 1)
    status, *headers = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in headers)
    if headers.get("transfer-encoding") == "chunked":
        body, rest = b"", body
        while True:
            size, rest = rest.split(b"\r\n", 1)
            if int(size, 16) == 0:
                break
            body, rest = body + rest[:int(size, 16)], rest[int(size, 16) + 2:]
    return int(status.split()[1]), headers, body.decode()


def families(net, **kwargs):
    """{name: family} as an independent parser of OpenMetrics reads it."""
    status, headers, body = ask(net, OPENMETRICS, **kwargs)
    assert status == 200 and headers["content-type"].startswith(OPENMETRICS)
    assert body.endswith("# EOF\n")
    return {family.name: family for family in openmetrics.text_string_to_metric_families(body)}


def value(found, name, sample=None, **labels):
    """The one sample of a family that has these labels."""
    rows = [row.value for row in found[name].samples
            if row.name == (sample or row.name) and labels.items() <= row.labels.items()]
    assert len(rows) == 1, (name, labels, rows)
    return rows[0]


@pytest.fixture
def busy(net, tmp_path):
    """A switch that has seen queries, joins, streams and drops."""
    one = net({"vm1": {"vlan": 20}, "vm2": {"vlan": 20}}, config={"metrics": {"listen": str(tmp_path / "metrics.sock")}})
    one.up.send(frames.igmp_query(OUTSIDE, "10.0.0.254", vlan=20))
    vm1 = one.guests["vm1"]
    vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, GROUP))
    one.switch.wait_member("vm1", GROUP)
    vm2 = one.guests["vm2"]
    vm2.send(frames.igmp_query(vm2.mac, vm2.ip))  # it may not be a querier
    one.up.send([frames.udp(OUTSIDE, SOURCE, GROUP, b"%d" % i, vlan=20) for i in range(50)])
    one.up.send([frames.udp(OUTSIDE, SOURCE, "239.9.9.9", b"nobody", vlan=20) for i in range(7)])
    one.switch.wait("show ports", lambda ports: sum(port["rx_packets"] for port in ports if port["name"] == "up0") >= 58)
    one.settle()
    return one


def test_figures_are_those_of_mcctl(busy):
    found = families(busy)
    status = busy.switch.ctl("show status")
    for term in ("rx", "injected", "references", "tx", "punted", "dropped"):
        assert value(found, "mcswitch_law_frames", term=term) == status[term]
    assert value(found, "mcswitch_memberships") == status["rows"] == 1
    assert value(found, "mcswitch_build_info", version=status["version"], dpdk_version=status["dpdk_version"]) == 1
    for port in busy.switch.ctl("show ports"):
        for name, key in (("receive_packets", "rx_packets"), ("transmit_bytes", "tx_bytes"),
                          ("receive_dropped_packets", "rx_dropped")):
            assert value(found, f"mcswitch_port_{name}", port=port["name"]) == port[key]
        assert value(found, "mcswitch_port_up", port=port["name"], role=port["role"], kind=port["kind"]) == 1
    assert value(found, "mcswitch_group_packets", vlan="20", group=GROUP) == 50
    assert value(found, "mcswitch_groups_omitted") == 0
    assert value(found, "mcswitch_drops", reason="no_member") == busy.switch.drops()["no_member"] == 7
    assert sum(row.value for row in found["mcswitch_drops"].samples) == status["dropped"]
    assert value(found, "mcswitch_messages", port="up0", family="ipv4", type="query", version="3", direction="received") == 1
    assert value(found, "mcswitch_messages", port="vm1", family="ipv4", type="report", version="3", direction="received") == 1
    worker = next(core for core in busy.switch.ctl("show cores") if core["role"] == "worker")
    assert 0 < value(found, "mcswitch_core_turns", lcore=str(worker["lcore"])) <= worker["turns"]
    assert value(found, "mcswitch_core_busy_cycles", lcore=str(worker["lcore"])) > 0


def test_format(busy):
    """Prometheus' own checker has nothing to say; both parsers read the same figures; units are told."""
    status, headers, text = ask(busy)
    assert status == 200 and headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    old = {(row.name, *sorted(row.labels.items())) for family in prometheus.text_string_to_metric_families(text)
           for row in family.samples}
    found = families(busy)
    assert old == {(row.name, *sorted(row.labels.items())) for family in found.values() for row in family.samples}
    for family in found.values():
        assert family.name.startswith("mcswitch_") and family.documentation.endswith(".")
        assert family.samples, family.name
        for unit in ("seconds", "bytes", "packets", "frames", "cycles"):
            assert (family.unit == unit) == family.name.endswith(unit), family.name


def test_promtool_reads_openmetrics(busy, tmp_path):
    """The parser that Prometheus itself uses: samples with a time become a block of its database."""
    body = ask(busy, OPENMETRICS)[2]
    now = time.time()
    dated = "\n".join(line if line.startswith("#") else f"{line} {now:.3f}" for line in body.splitlines()) + "\n"
    (tmp_path / "in").write_text(dated)
    run(["promtool", "tsdb", "create-blocks-from", "openmetrics", tmp_path / "in", tmp_path / "out"], 60)
    assert any((tmp_path / "out").iterdir())


def test_http(busy):
    path = busy.switch.config["metrics"]["listen"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    assert ask(busy, path="/")[0] == 404
    assert ask(busy, path="/metrics?x=1")[0] == 200
    assert ask(busy, method="HEAD")[::2] == (200, "")
    assert ask(busy, method="DELETE")[0] in (405, 501)
    before = busy.switch.ctl("show status")
    families(busy)
    after = busy.switch.ctl("show status")
    assert before["mbufs_total"] == after["mbufs_total"]
    busy.finish()
    assert not os.path.exists(path)


def test_an_address_and_no_other(net):
    listen = "127.0.0.1:9464"
    one = net({"vm1": {}}, config={"metrics": {"listen": listen}}, connect=False)
    assert value(families(one), "mcswitch_guests") == 1
    listening = one.wire.run("ss", "-Hltn")
    assert [line.split()[3] for line in listening.splitlines()] == [listen]


def test_nowhere_by_default(net):
    one = net({"vm1": {}}, connect=False)
    assert one.wire.run("ss", "-Hltn") == ""


def test_more_groups_than_are_told(net, tmp_path):
    """10,000 groups: 4096 of them, the rest counted; a slow reader is no burden."""
    n, per = 10_000, 150
    one = net({"vm1": {"limits": {"groups": n + 10, "reports_per_s": 100000}}},
              config={"metrics": {"listen": str(tmp_path / "metrics.sock")}})
    vm1 = one.guests["vm1"]
    for start in range(0, n, per):
        records = [(frames.TO_EX, f"239.{1 + i // 65536}.{i // 256 % 256}.{i % 256}", []) for i in range(start, min(start + per, n))]
        vm1.send(frames.igmp3_report(vm1.mac, vm1.ip, records))
    one.switch.wait("show status", lambda status: status["groups"] >= n, timeout=30)
    found = families(one)
    assert len(found["mcswitch_group_packets"].samples) == 4096
    assert value(found, "mcswitch_groups_omitted") == n - 4096


def test_hostile_clients(busy):
    """Sixteen that say nothing, and a seventeenth that waits its turn; requests that are none; readers that read nothing."""
    idle = [connect(busy) for _ in range(16)]
    late = connect(busy)
    late.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    for sock in idle[:8]:
        sock.close()
    late.settimeout(10)
    assert late.recv(12).startswith(b"HTTP/1.")
    for junk in (b"\0" * 4096, b"GET " + b"x" * 100_000 + b"\r\n", b"POST /metrics HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 10_000, b"GET /metrics HTTP/1.1\r\n\r\n" * 100):
        with connect(busy) as sock:
            try:
                sock.sendall(junk)
            except OSError:
                pass
    for sock in [*idle[8:], late]:
        sock.close()
    wait_for(lambda: families(busy), 20, "an answer")
    busy.up.send(frames.udp(OUTSIDE, SOURCE, GROUP, b"still here", vlan=20))
    busy.guests["vm1"].expect(frames.is_payload(b"still here"))


# ---- the dashboard ----

def expressions(panel):
    for target in panel.get("targets", []):
        yield target["expr"]
    for inner in panel.get("panels", []):
        yield from expressions(inner)


def test_the_dashboard_asks_for_what_is_exported(busy, tmp_path):
    dashboard = json.loads((REPO / "docs/grafana.json").read_text())
    found = families(busy)
    samples = {}
    for family in found.values():
        names = [f"{family.name}_total"] if family.type == "counter" else [family.name]
        if family.type == "histogram":
            names = [f"{family.name}_{end}" for end in ("bucket", "count", "sum")]
        labels = {label for row in family.samples for label in row.labels}
        samples.update({name: labels for name in names})
    asked = [expr for panel in dashboard["panels"] for expr in expressions(panel)]
    asked += [item["query"] for item in dashboard["templating"]["list"] if item["type"] == "query"]
    assert len(asked) > 10
    for expr in asked:
        names = re.findall(r"mcswitch_\w+", expr)
        assert names, expr
        for name in names:
            assert name in samples, f"{expr}: {name} is not exported"
        grouped = {label.strip() for part in re.findall(r"by \(([^)]*)\)", expr) for label in part.split(",")}
        legend = {label for part in re.findall(r"\{([^}]*)\}", expr) for label in re.findall(r"(\w+)\s*[=!]", part)}
        known = set().union(*(samples[name] for name in names)) | {"instance", "job"}
        assert grouped | legend <= known, expr
    # promtool knows PromQL: each expression is a rule that it accepts.
    queries = [expr for panel in dashboard["panels"] for expr in expressions(panel)]
    rules = [{"record": f"x{i}", "expr": expr.replace("$__rate_interval", "5m").replace("$instance", ".*")}
             for i, expr in enumerate(queries)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    run(["promtool", "check", "rules", tmp_path / "rules.yml"], 60)
