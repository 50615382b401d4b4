# SPDX-License-Identifier: BSD-3-Clause
"""
`mcctl schema` against the switch itself: every method and verb is asked, and its answer validated against what the list says of it. Programs
must bear fields that are not listed; this test does not, so that the list cannot lag behind.

    test --raw-- TAP up0, up1 -- mcswitch == vhost-user == vm1, vm2 (trunk)
"""

import json
import re

import jsonschema
import pytest

from conftest import Net
from lab import frames
from lab.rpc import Rpc
from lab.switch import available

GROUP, OUTSIDE, SOURCE = "239.1.1.1", "02:00:00:00:00:99", "10.0.0.99"
ROUTER = "02:00:00:00:00:01"


def strict(schema):
    """The same, but with nothing beside what is listed."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: strict(value) for key, value in schema.items()}
    if isinstance(out.get("properties"), dict) and "object" in out.get("type", ()):
        out.setdefault("additionalProperties", False)
    return out


class Asked:
    """Asks and validates; remembers which methods it has asked."""

    def __init__(self, net):
        self.net = net
        self.rpc = Rpc(net.switch.socket)
        self.methods = {row["name"]: row for row in self.rpc.call("schema")}
        self.seen = set()

    def check(self, method, result):
        self.seen.add(method)
        jsonschema.validate(result, strict(self.methods[method]["result_schema"]), jsonschema.Draft202012Validator)
        return result

    def call(self, method, **params):
        jsonschema.validate(params, self.methods[method]["params_schema"], jsonschema.Draft202012Validator)
        return self.check(method, self.rpc.call(method, **params))

    def verb(self, method, words):
        """As mcctl --json prints it; a verb without an answer to print prints the empty object."""
        return self.check(method, self.net.switch.ctl(words))


@pytest.fixture(scope="module")
def busy():
    """Rows of every origin and family, a querier of either kind, a failover, a migration, drops, odd messages."""
    if available():
        pytest.skip(available())
    config = {"vlans": [{"id": 0, "static": [{"group": "239.9.9.9", "ports": ["vm1"]}], "querier": "on", "querier_address": "10.0.0.253"},
                        {"id": 30, "querier": "off"}], "igmp": {"queries": 1, "query_gap_ms": 50}}
    with Net({"vm1": {}, "vm2": {"trunk": [0, 30]}, "vm3": {"mac": None}}, uplinks=("up0", "up1"), config=config) as net:
        vm1, vm2, _ = net.guests.values()
        vm1.send(frames.igmp3_report(vm1.mac, vm1.ip, [(frames.TO_EX, GROUP, []), (frames.TO_IN, "232.1.1.1", ["10.9.9.1", "10.9.9.2"]),
                                                       (frames.TO_EX, "239.1.1.2", ["10.9.9.3"])]))
        vm1.send(frames.mld2_join(vm1.mac, "ff05::1:3"))
        vm2.send(frames.igmp3_report(vm2.mac, vm2.ip, [(frames.TO_EX, GROUP, [])], vlan=30))
        net.ups["up0"].send(frames.igmp_query(ROUTER, "10.0.0.254", vlan=30))
        vm1.send(frames.udp("02:00:00:00:00:55", vm1.ip, GROUP, b"forged"))
        net.switch.wait("show groups", lambda rows: {row["group"] for row in rows} >= {GROUP, "232.1.1.1", "239.1.1.2", "ff05::1:3"})
        net.switch.wait("show queriers", lambda rows: {row["state"] for row in rows} == {"none", "ours", "heard"})
        net.switch.ctl("uplink down up0")
        net.switch.wait("show teams", lambda rows: rows[0]["last_failover"])
        net.switch.ctl("guest migrated vm1")
        net.switch.wait("show events", lambda events: any("migration" in event for event in events), timeout=15)
        yield net
        net.finish()


def test_schemas_are_schemas(busy):
    asked = Asked(busy)
    for row in asked.methods.values():
        for schema in (row["params_schema"], row["result_schema"], *row.get("notifications", {}).values()):
            jsonschema.Draft202012Validator.check_schema(schema)
        assert list(row["params_schema"]["properties"]) == [param["name"] for param in row["params"]]
    assert set(asked.methods["watch"]["notifications"]) == {"event"}
    assert set(asked.methods["capture"]["notifications"]) == {"frame", "captured"}


def test_every_method(busy):
    """What changes something is undone in the same breath."""
    asked = Asked(busy)
    for method in ("status", "ports", "groups", "busiest", "snooping", "queriers", "teams", "uplinks", "cores", "drops", "counters",
                   "events", "config", "version", "schema", "guest.show"):
        assert asked.call(method), method
    asked.call("groups", vlan=0, group=GROUP, port="vm1")
    asked.call("snooping", vlan=30)
    asked.call("counters", port="vm1")
    asked.call("events", **{"from": 2})
    asked.call("busiest", count=1)
    asked.call("guest.add", guest=f"vm9={busy.switch.work}/vm9.sock,vlan=30")
    asked.call("guest.add", guest={"name": "vm8", "socket": f"{busy.switch.work}/vm8.sock", "trunk": [20, 30]})
    asked.call("guest.show", name="vm8")
    asked.call("ports")  # one that is down
    state = asked.call("guest.export", name="vm1")
    assert state["rows"]
    asked.call("guest.import", name="vm9", state={**state, "guest": "vm9"})
    for name in ("vm8", "vm9"):
        asked.call("guest.del", name=name)
    asked.call("guest.query", name="vm1")
    asked.call("guest.migrated", name="vm2")
    asked.call("group.add", vlan=30, group="239.8.8.8", port="vm2")
    asked.call("group.del", vlan=30, group="239.8.8.8", port="vm2")
    asked.call("igmp.set", key="queries", value=2)
    asked.call("igmp.set", key="queries", value=1)
    asked.call("vlan.set", vlan=30, key="fast_leave", value=True)
    asked.call("team.set", name=asked.call("teams")[0]["name"], key="failback", value=False)
    asked.call("uplink.admin", name="up1", up=False)
    asked.call("uplink.admin", name="up1", up=True)
    asked.call("watch")
    asked.call("reload")
    with Rpc(busy.switch.socket) as rpc:
        asked.check("capture", rpc.call("capture", port="up0"))
        asked.check("capture.stop", rpc.call("capture.stop"))
    assert asked.seen == set(asked.methods)


VERBS = {
    "show status": "status", "show ports": "ports", "show groups": "groups", "show groups vlan 0 group 239.1.1.1 port vm1": "groups",
    "show busiest": "busiest", "show snooping": "snooping", "show snooping vlan 30": "snooping", "show queriers": "queriers",
    "show teams": "teams", "show uplinks": "uplinks", "show cores": "cores", "show cores all": "cores", "show drops": "drops",
    "show drops all": "drops", "show counters": "counters", "show counters port up0": "counters", "show events": "events",
    "show events from 3": "events", "show config": "config", "guest show": "guest.show", "guest show vm2": "guest.show",
    "export vm1": "guest.export", "schema": "schema", "query vm1": "guest.query", "set igmp query_gap_ms 50": "igmp.set",
    "set vlan 30 querier off": "vlan.set", "top": None, "watch": None, "capture": None, "import NAME": None,
    "guest add vm7=/tmp/x.sock": None, "guest del NAME": None, "guest migrated NAME": None, "group add vlan": None, "group del vlan": None,
    "team set": None, "uplink up up1": "uplink.admin", "uplink down NAME": None, "reload": "reload",
}


@pytest.mark.parametrize("words", [words for words, method in VERBS.items() if method])
def test_verb(busy, words):
    asked = Asked(busy)
    asked.verb(VERBS[words], words)


def test_every_verb_is_known_here(busy):
    """A verb that is new gets a row above."""
    printed = [re.match(r"  ([a-z]+(?: [a-z]+)*)", line)[1] for line in busy.switch.text("help").splitlines() if re.match("  [a-z]", line)]
    unknown = [verb for verb in printed if not any(f"{words} ".startswith(f"{verb} ") for words in VERBS)]
    assert len(printed) > 30 and not unknown, unknown


def test_notifications(busy):
    """An event to who watches, frames and the last word to who captures."""
    asked = Asked(busy)
    with Rpc(busy.switch.socket) as rpc:
        rpc.call("watch")
        rpc.call("capture", port="up0", count=3)
        busy.switch.wait_turn()
        busy.ups["up0"].send([frames.udp(OUTSIDE, SOURCE, GROUP, b"%d" % i) for i in range(3)])
        asked.call("igmp.set", key="queries", value=1)
        told = {}
        while not {"event", "frame", "captured"} <= set(told):
            line = json.loads(rpc.input.readline())
            told.setdefault(line["method"], []).append(line["params"])
        for method in ("watch", "capture"):
            for name, schema in asked.methods[method]["notifications"].items():
                for params in told[name]:
                    jsonschema.validate(params, strict(schema), jsonschema.Draft202012Validator)
        assert len(told["frame"]) == 3
