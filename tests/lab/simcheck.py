# SPDX-License-Identifier: BSD-3-Clause
"""What a case of tests/sim says must be true, of a real switch: the half of simworld.py that looks and does not touch."""

from . import frames, simtext
from .process import LabError
from .rpc import Refusal

N_SOURCES = 6  # each is tried, and one that nobody names
UNLISTED = 99
ETHERTYPE_TEST = b"\x88\xb5"
DROPS = ("strict", "guest_query", "guest_router", "quota_groups")


class Wrong(LabError):
    """What is, is not what the script says."""


def same(expected, found):
    if expected != found:
        raise Wrong(f"\n  expected: {expected}\n  is:       {found}")


class Checks:
    """self is a World."""

    def check(self, verb, rest):
        getattr(self, f"_check_{verb}")(rest)

    # ---- what was sent ----

    def check_silence(self):
        self.hear()
        if self.sent:
            raise Wrong(f"sent but not expected: {self.sent}")

    def _check_sent(self, rest):
        self.hear()
        if rest == "nothing":
            same([], self.sent)
        elif rest in self.sent:
            self.sent.remove(rest)
        else:
            same(rest, "; ".join(self.sent) or "nothing")

    # ---- what is forwarded ----

    def _check_fwd(self, rest):
        """Frames from u1 from each source reach exactly those guests, once."""
        group, _, text = rest.partition(" ")
        members, listed = self._expected(text)
        if text == "none" and not simtext.is_mac(group):  # what is known of its MAC alone decides
            members = {row["port"] for row in self._rows(group=frames.group_mac(group))}
        if simtext.is_mac(group):
            sent = {UNLISTED: self._raw(group)}
        else:
            sent = {i: self._data(group, i) for i in (*range(1, N_SOURCES + 1), UNLISTED)}
        got = self._got(list(sent.values()))
        for i, frame in sent.items():
            wanted = listed.get(f"s{i}", members)
            counts = {name: got[name].count(self._mark(frame)) for name in self.alive()}
            expected = {name: int(name in wanted) for name in self.alive()}
            if counts != expected and not (text == "none" and set(counts.values()) == {1} and self._is_flooded(group)):
                raise Wrong(f"{group} from s{i}: expected {expected}, is {counts}")

    @staticmethod
    def _expected(text):
        if text == "none":
            return set(), {}
        members, *rest = text.split(" | ")
        listed = dict(part.split(": ") for part in rest)
        return set(members.split()) - {"-"}, {name: set(ports.split()) - {"-"} for name, ports in listed.items()}

    def _data(self, group, i):
        payload = b"data %d" % next(self.numbers)
        return bytes(frames.udp(simtext.mac("u1"), simtext.source(i, simtext.is_v6(group)), group, payload, vlan=self.vlan))

    def _raw(self, group):
        head = bytes(frames.ether(simtext.mac("u1"), group, self.vlan))[:16]
        return frames.padded(head + ETHERTYPE_TEST + b"data %d" % next(self.numbers))

    @staticmethod
    def _mark(frame):
        """The part of a test frame that no other has."""
        return bytes(frame)[bytes(frame).index(b"data "):].rstrip(b"\0")

    def _got(self, sent):
        self.hear()
        before = {name: len(self.heard[name]) for name in self.heard}
        self.transmit("u1", sent)
        self.hear()
        got = {}
        for name, arrived in self.heard.items():
            fresh = arrived[before[name]:]
            got[name] = [self._mark(frame) for frame in fresh if b"data " in bytes(frame)]
            self.heard[name] = arrived[:before[name]] + [frame for frame in fresh if b"data " not in bytes(frame)]
        return got

    def _is_flooded(self, group):
        """No querier was known for the grace period: the switch floods what nobody joined, and has said so."""
        family = "MLD" if simtext.is_v6(group) or group.startswith("33:33") else "IGMP"
        texts = [event["text"] for event in self._events(self.first_event) if family in event["text"]
                 and ("are flooded" in event["text"] or "holds again" in event["text"])]
        return bool(texts) and "are flooded" in texts[-1]

    def _check_all(self, rest):
        group = "239.250.0.1"
        got = self._got([self._data(group, UNLISTED)])
        same(rest, " ".join(name for name in self.alive() if got[name]) or "-")

    # ---- what is shown ----

    def _rows(self, **match):
        try:
            return self.rpc.call("groups", vlan=self.vlan, **match)
        except Refusal:  # no such port
            return []

    def _check_row(self, rest):
        port, group, text = rest.split(maxsplit=2)
        same(text, simtext.row_text(self._rows(group=group, port=port), self.now_ms))

    def _check_rows(self, rest):
        same(rest, str(len({(row["group"], row["port"]) for row in self._rows()})))

    def _check_reporters(self, rest):
        group, text = rest.split(maxsplit=1)
        rows = [row for row in self.rpc.call("snooping", vlan=self.vlan) if row["group"] == group]
        same(text, simtext.reporters_text(rows, self.now_ms))

    def _querier(self, family):
        return next((row for row in self.rpc.call("queriers") if (row["vlan"], row["family"]) == (self.vlan, family)), None)

    def _check_querier(self, rest):
        same(rest, simtext.querier_text(self._querier("ipv4"), self.now_ms))

    def _check_querier6(self, rest):
        same(rest, simtext.querier_text(self._querier("ipv6"), self.now_ms))

    def _check_routers(self, rest):
        row = self._querier("ipv4")
        same(rest, " ".join(row["router_ports"]) if row and row["router_ports"] else "-")

    def _check_rc(self, rest):
        same("ok" if rest == "ok" else "refused", self.rc)

    # ---- events ----

    def _events(self, first):
        return [event for event in self.rpc.call("events", **{"from": first}) if event["vlan"] == self.vlan]

    def _check_event(self, rest):
        texts = list(filter(None, map(simtext.event_text, self._events(self.next_event))))
        if rest == "nothing":
            same([], texts)
            return
        word, port, _, reason = rest.split(maxsplit=3)
        if word in ("router", "norouter"):
            rest = f"{word} {port} {reason}"
        if rest not in texts:
            same(rest, "; ".join(texts) or "nothing")

    # ---- where a message went ----

    def _check_verdict(self, rest):
        self.hear()
        port, mac, _ = self.last_message
        others = [name for name in self.alive() if name != port]
        heard = {name for name in (*others, "u1") if any(frames.look(frame).src == mac and not frames.look(frame).payload
                                                         for frame in self.heard[name])} - {port}
        if rest in DROPS:
            same(0, len(heard))
            if self._drop(port, rest) == 0:
                raise Wrong(f"{rest} of {port} is not counted")
        elif rest == "pass_flood":
            same(sorted({*others, "u1"} - {port}), sorted(heard))
        else:
            same([] if port == "u1" else ["u1"], sorted(heard))

    def counters(self):
        return {row["port"]: row for row in self.rpc.call("counters")}

    def drops(self):
        return {(row["port"], row["name"]): row["count"] for row in self.rpc.call("drops") if row["port"]}

    def _drop(self, port, name):
        return self.drops().get((port, name), 0) - self.drops_at_begin.get((port, name), 0)

    def _check_counter(self, rest):
        port, name, value = rest.split()
        if name in DROPS:
            same(int(value), self._drop(port, name))
            return

        def read(counters):
            row = counters[port]
            if "." in name:
                kind, family, *version = name.split(".")
                row = row["mld" if family == "6" else "igmp"][kind]
                return row[f"v{version[0]}"] if version else row
            if name.startswith("odd_"):
                return row["odd"][{"alert": "router_alert"}.get(name[4:], name[4:])]
            return row[name]
        same(int(value), read(self.counters()) - read(self.counters_at_begin))
