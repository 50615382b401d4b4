# SPDX-License-Identifier: BSD-3-Clause
"""
A case of tests/sim played on a real switch: its messages are frames from guests and from the uplink, its time is the clock that the test
holds (clock.py), and what it says must be true is asked of the switch or shown by frames.

    test --raw-- TAP u1 -- mcswitch == vhost-user == p1, p2, p3     in one VLAN, a fresh one for each case

Every case begins with a reload: its VLAN is new, so nothing of the case before is left but counters, which are compared with what they were.
"""

import itertools

from . import frames, groupmsg, simtext
from .clock import Clock
from .fakeqmp import FakeQmp, card
from .frames import Tap
from .netns import Wire
from .process import LabError, Owned, wait_for
from .rpc import Refusal, Rpc
from .simcheck import Checks
from .switch import Switch, yaml

KEYS = {"querier": "querier", "address": "querier_address", "strict": "validation", "fast": "fast_leave", "rv": "robustness",
        "qi": "query_interval_ms", "qri": "query_response_ms", "lmi": "last_member_interval_ms"}
TIMERS = {"robustness", "query_interval_ms", "query_response_ms", "last_member_interval_ms"}
LIMITS = {"groups": 64, "sources": 8, "reports_per_s": 0}  # 0: the workers' own clock counts those
GUESTS = ("p1", "p2", "p3")
FENCE = "224.0.0.251"


class World(Checks, Owned):
    """One switch for all cases."""

    def __init__(self):
        self.wire, self.clock = Wire("sim", bridge=False), Clock()
        self.switch = Switch(self.wire, uplinks=("u1",), guests={name: {} for name in GUESTS}, env=self.clock.env, label="sim",
                             start=False)
        self.qmps, self.guests, self.tap, self.rpc = {}, {}, None, None
        self.numbers, self.n_cases, self.n_events, self.begin_ms = itertools.count(1), 0, 1, None
        super().__init__()
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        self.vlan, self.settings, self.guest_settings, self.gone = 100, {}, {}, set()
        for name in GUESTS:
            sockets = {"nic0": self.switch.guests[name]["socket"]}
            self.qmps[name] = FakeQmp(self.switch.work / f"{name}.qmp", {"nic0": card(simtext.mac(name), vlan="all")}, sockets)
        self.switch.config.update(self._config())
        self.switch.start()
        self.wire.wait_dev("u1")
        self.wire.up("u1")
        self.tap = Tap(self.wire, "u1")
        self.rpc = Rpc(self.switch.socket)
        for name in GUESTS:
            self._connect(name)
            self.qmps[name].wait_asked()
        self._wait_port("u1", "up")
        self.rx = self.rpc.call("status")["rx"]

    # ---- the configuration ----

    def _config(self):
        vlan = {"id": self.vlan, "unregistered": "drop", "querier": "off", "timers": {}}
        for key, value in self.settings.items():
            (vlan["timers"] if key in TIMERS else vlan)[key] = value
        guests = [{"name": name, "socket": self.switch.guests[name]["socket"], "mac": simtext.mac(name), "vlan": self.vlan,
                   "qmp": str(self.switch.work / f"{name}.qmp"), "security": {"forged_transmits": "accept"},
                   **self.guest_settings.get(name, {"limits": LIMITS})} for name in GUESTS if name not in self.gone]
        return {"vlans": [{key: value for key, value in vlan.items() if value != {}}], "guests": guests, "state_file": "none", "igmp": {"queries": 0}}

    def _reload(self):
        path = self.switch.work / "mcswitch.yaml"
        path.write_text(yaml({**self.switch.config, **self._config()}))
        self.rpc.call("reload")

    def _connect(self, name):
        guest = self.guests.get(name)
        if guest is None or guest._closed:
            self.guests[name] = guest = self.switch.vguest(name, mac=simtext.mac(name))
        guest.wait_up()
        self._wait_port(name, "up")

    def _wait_port(self, name, state):
        def reached():
            return any(port["name"] == name and port["state"] == state for port in self.rpc.call("ports"))

        def passes():  # links are looked at from time to time
            if not reached():
                self.clock.advance(self.rpc, 0.1)
            return reached()
        wait_for(passes if self.begin_ms is None else reached, 10, lambda: f"{name} is {state}: {self.rpc.call('ports')}")

    def begin(self):
        """A case: a VLAN of its own with p1, p2, p3 and u1, default timers, no querier."""
        self.n_cases += 1
        self.vlan, self.settings, self.guest_settings = 100 + self.n_cases % 2, {}, {}
        self.gone, self.router_ports, self.is_mute = set(), [], False
        self.rc, self.last_message = "ok", None
        self._reload()
        for name in GUESTS:
            if self.qmps[name].cards["nic0"]["multicast-table"] or self.qmps[name].cards["nic0"]["multicast"] != "normal":
                self._filter(name, [], "normal")
            self._connect(name)
        self.settle()
        self.clock.advance(self.rpc, (-self.clock.uptime_ms % 1000) / 1000)  # reporters' times are tenths of seconds
        self.begin_ms = self.clock.uptime_ms
        self.sent, self.heard = [], {name: [] for name in (*GUESTS, "u1")}
        self.hear()
        self.sent, self.heard = [], {name: [] for name in self.heard}
        self.counters_at_begin, self.drops_at_begin = self.counters(), self.drops()
        self.first_event = self.next_event = self._next_event()

    def end(self):
        """Nothing was sent that the case did not expect."""
        self.check_silence()
        if "u1" in self.gone:
            self.wire.carrier("u1", True)
            self._wait_port("u1", "up")
        self.switch.check_law()

    def _next_event(self):
        events = self.rpc.call("events", **{"from": self.n_events})
        self.n_events = events[-1]["number"] + 1 if events else self.n_events
        return self.n_events

    # ---- time and frames ----

    @property
    def now_ms(self):
        return self.clock.uptime_ms - self.begin_ms

    def at(self, seconds):
        """Time comes to this second of the case."""
        self.check_silence()
        self.next_event = self._next_event()
        self.heard = {name: [] for name in self.heard}
        self.clock.advance(self.rpc, seconds - self.now_ms / 1000)
        self._turn()

    def _turn(self):
        """The worker has begun and ended a turn: what was injected has left."""
        def turns():
            return next(core["turns"] for core in self.rpc.call("cores") if core["role"] == "worker")
        begin = turns()
        wait_for(lambda: turns() > begin + 1, 10, "the worker turns", every=0)

    def settle(self):
        """Every frame sent so far is taken and decided, and what came of it has left."""
        wait_for(lambda: self.rpc.call("status")["rx"] >= self.rx, 10, lambda: f"{self.rx} frames are taken", every=0)
        self._turn()
        wait_for(lambda: self.rpc.call("status")["punts_waiting"] == 0, 10, "control has seen all", every=0)
        self._turn()

    def transmit(self, port, frame_list):
        sender = self.tap if port == "u1" else self.guests[port]
        sender.send(frame_list)
        self.rx += len(frame_list)

    def alive(self):
        return [name for name in GUESTS if name not in self.gone and not self.guests[name]._closed]

    def hear(self):
        """Put what has arrived at each port into self.heard, up to a fence."""
        if "u1" in self.gone:
            return
        fence = b"fence %d" % next(self.numbers)
        self.transmit("u1", [frames.udp(simtext.mac("u1"), "10.0.11.97", FENCE, fence, vlan=self.vlan)])
        self.settle()
        for name in self.alive():
            self.heard[name] += self.guests[name].collect(frames.is_payload(fence))[:-1]
        self.heard["u1"] += [frame for frame in self.tap.drain() if frames.look(frame).vlan == self.vlan]
        self._queries_note()

    def _queries_note(self):
        """Queries of the switch's own go from self.heard to self.sent, one line for all ports that got the same."""
        lines = {}
        for name in (*GUESTS, "u1"):
            seen, kept = {}, []
            for frame in self.heard[name]:
                query = groupmsg.query_of(frame)
                if query is None or query.eth_source.startswith("02:00:00:00:"):
                    kept.append(frame)
                    continue
                text = simtext.query_text(query, ours=True)
                seen[text] = seen.get(text, 0) + 1
                if not (self.is_mute and query.general):
                    lines.setdefault((text, seen[text]), []).append(name)
            self.heard[name] = kept
        self.sent += [f"{' '.join(ports)}: {text}" for (text, _), ports in lines.items()]

    # ---- what a line does ----

    def do(self, verb, rest):
        deeds = {"vlan": self._vlan, "mute": self._mute, "novlan": self._novlan, "port": self._port, "ports": self._ports,
                 "down": self._down, "forget": self._forget, "filter": self._filter_line, "restore": self._restore}
        if verb in deeds:
            deeds[verb](rest)
        elif verb in ("static", "nostatic"):
            self._static("group.add" if verb == "static" else "group.del", *rest.split(maxsplit=2))
        elif verb in ("router", "norouter"):
            self._router(verb == "router", rest)
        else:
            self._message(verb, *rest.split(maxsplit=1))

    def _message(self, port, verb, rest):
        port, _, host = port.partition(".")
        if port in self.gone:
            return
        if port != "u1" and self.guests[port]._closed:
            self._connect(port)
        frame = bytes(simtext.message(port, host or "a", verb, rest, self.vlan if port == "u1" else None))
        self.last_message = port, simtext.mac(port, host or "a"), frame
        self.transmit(port, [frame])
        self.settle()

    def _call(self, method, **params):
        try:
            self.rc = "ok"
            result = self.rpc.call(method, **params)
            self.settle()
            return result
        except Refusal:
            self.rc = "refused"
            return None

    def _vlan(self, rest):
        given = dict(word.split("=") for word in rest.split())
        if "address" in given and ":" in given["address"]:
            raise LabError("MLD's address is the switch's own")
        for key in sorted(given, key=lambda key: (key == "querier", key == "qi")):  # who asks last, a response before its interval
            value = given[key]
            if key in ("qi", "qri", "lmi"):
                value = int(value) * 1000
            elif key == "strict":
                value = "strict" if value == "1" else "lenient"
            elif key == "fast":
                value = value == "1"
            if self._call("vlan.set", vlan=self.vlan, key=KEYS[key], value=value) is not None:
                self.settings[KEYS[key]] = value

    def _mute(self, _):
        self.is_mute = True

    def _port(self, rest):
        port, *words = rest.split()
        given = simtext.options_of(words)
        limits = {**LIMITS, **{key: int(given[key]) for key in ("groups", "sources") if key in given}}
        self.guest_settings[port] = {"limits": limits, "router": "allow" if "router" in given else "deny"}
        self._reload()
        self.settle()

    def _ports(self, rest):
        wanted = set(rest.split())
        before = set(self.gone)
        self.gone = {name for name in GUESTS if name not in wanted}
        self._reload()
        for name in before - self.gone:
            self._connect(name)

    def _novlan(self, _):
        self._ports("")

    def _forget(self, port):
        self.gone.add(port)
        self.rpc.call("guest.del", name=port)

    def _down(self, port):
        if port == "u1":
            self.wire.carrier("u1", False)
            self.gone.add("u1")
        else:
            self.guests[port].kill()
        self._wait_port(port, "down")

    def _filter_line(self, rest):
        port, *macs = rest.split()
        if "all" in macs:
            macs.remove("all")
            self._filter(port, macs, "all")
        else:
            self._filter(port, macs, "normal")

    def _filter(self, port, macs, mode):
        qmp = self.qmps[port]
        before = qmp.asked
        qmp.change("nic0", macs, multicast=mode)
        qmp.wait_asked(before + 1)
        for _ in range(5):
            self._turn()

    def _restore(self, rest):
        port, mode, group, *more = rest.split(maxsplit=3)
        sources, _ = simtext.sources_of(more[0] if more else "", simtext.is_v6(group))
        row = {"vlan": self.vlan, "group": group, "mode": mode, "sources": sources}
        state = {"version": 1, "guest": port, "igmp_version": 0, "mld_version": 0, "rows": [row]}
        done = self._call("guest.import", name=port, state=state)
        if done and done["refused"]:
            self.rc = "refused"

    def _static(self, method, port, group, sources=""):
        addresses, _ = simtext.sources_of(sources, simtext.is_v6(group))
        source = {"source": addresses[0]} if addresses else {}
        self._call(method, vlan=self.vlan, group=group, port=port, **source)

    def _router(self, is_router, port):
        (self.router_ports.append if is_router else self.router_ports.remove)(port)
        self._call("vlan.set", vlan=self.vlan, key="router_ports", value=",".join(self.router_ports) or "none")

    def _close(self):
        for one in (self.rpc, self.switch, self.tap, *self.qmps.values(), self.clock, self.wire):
            if one:
                one.close()
