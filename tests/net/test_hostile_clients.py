# SPDX-License-Identifier: BSD-3-Clause
"""
Clients of the control socket that mean ill: each is played against the running switch, while another asks, a stream reaches its guest, and
memory is looked at.

    hostile clients, one that asks -- control.sock -- mcswitch == vhost-user == vm1
                                            test --raw-- TAP up0 --'
"""

import json
import random
import socket
import time
from pathlib import Path

import pytest

from lab import frames
from lab.process import wait_for
from lab.rpc import Rpc
from lab.switch import DAEMON

GROUP, OUTSIDE, SOURCE = "239.1.1.1", "02:00:00:00:00:99", "10.0.0.99"
MAX_CLIENTS = 64  # docs/api.md, Bounds
MAX_LINE = 65536
MAX_GROWTH_KB = 96 * 1024  # snapshots of all clients together are 64 MiB at most, and 256 KiB wait for each
ASK = b'{"jsonrpc":"2.0","id":1,"method":"%s"}\n'


@pytest.fixture
def attacked(net):
    one = net({"vm1": {}})
    vm1 = one.guests["vm1"]
    vm1.send(frames.igmp3_join(vm1.mac, vm1.ip, GROUP))
    one.switch.wait_member("vm1", GROUP)
    one.settle()
    before = resident_kb(one)
    yield one
    one.switch.wait("show status", lambda status: status["guests"] == 1)
    assert resident_kb(one) - before < MAX_GROWTH_KB


SANITIZED = DAEMON.exists() and b"__asan_init" in DAEMON.read_bytes()  # keeps what was freed for a while, to find its users


def resident_kb(net):
    """0 where it would tell nothing."""
    if SANITIZED:
        return 0
    status = Path(f"/proc/{net.switch.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


class Client(socket.socket):
    """A connection; nothing of it is polite by itself."""

    def __init__(self, net):
        super().__init__(socket.AF_UNIX)
        self.settimeout(5.0)
        wait_for(lambda: self._connected(str(net.switch.socket)), 5, "the switch accepts")
        self.input = self.makefile("rb")

    def _connected(self, path):
        try:
            self.connect(path)
        except BlockingIOError:  # as many wait already as the kernel lets
            return False
        return True

    def reply(self):
        """The next line, parsed; None at the end of the stream."""
        try:
            line = self.input.readline()
        except ConnectionResetError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def close(self):
        self.input.close()
        super().close()


def others_are_served(net, name=b""):
    """A frame goes its way, and a question is answered."""
    payload = b"meanwhile %s %d" % (name, random.getrandbits(32))
    net.up.send(frames.udp(OUTSIDE, SOURCE, GROUP, payload))
    net.guests["vm1"].expect(frames.is_payload(payload))
    with Rpc(net.switch.socket, timeout=5) as rpc:
        assert rpc.call("status")["guests"] == 1


@pytest.mark.parametrize("size", [MAX_LINE + 1, 1 << 20, 1 << 26])
def test_request_without_end(attacked, size):
    """Refused at its bound, whatever follows; it is not kept."""
    before = resident_kb(attacked)
    with Client(attacked) as client:
        try:
            for start in range(0, size, 1 << 16):
                client.sendall(b"x" * min(1 << 16, size - start))
        except (BrokenPipeError, ConnectionResetError):
            pass
        others_are_served(attacked)
        answer = client.reply()
        # a peer that still sends when it is closed may lose the answer to the reset
        assert answer is None or answer["error"]["message"] == "a request is at most 65536 bytes"
        assert answer is not None or size > MAX_LINE + 1
        assert client.reply() is None
    assert resident_kb(attacked) - before < 4 * 1024


def test_half_a_line_and_silence(attacked):
    """As many as there is room for, less one; the rest of the line is still taken."""
    clients = [Client(attacked) for _ in range(MAX_CLIENTS - 2)]
    for client in clients:
        client.sendall((ASK % b"status")[:20])
    others_are_served(attacked)
    for client in clients:
        client.sendall((ASK % b"status")[20:])
        assert client.reply()["result"]["guests"] == 1
        client.close()


def test_thousand_connections(attacked):
    """Those over the bound are told so and closed; when the others go there is room again."""
    clients, refused = [], 0
    for _ in range(1000):
        client = Client(attacked)
        clients.append(client)
    for client in clients:
        try:
            client.sendall(ASK % b"version")
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = client.reply()
        refused += answer is None or "error" in answer and "64 clients" in answer["error"]["message"]
    assert refused == 1000 - MAX_CLIENTS
    for client in clients:
        client.close()
    wait_for(lambda: not busy(attacked), 5, "room for a client")
    others_are_served(attacked)


def busy(net):
    with Client(net) as client:
        try:
            client.sendall(ASK % b"version")
            return "error" in (client.reply() or {"error": 1})
        except (BrokenPipeError, ConnectionResetError):
            return True


def test_never_reads(attacked):
    """Answers pile up to their bound and no further; then it is closed, after ten seconds without a byte read."""
    before, clients = resident_kb(attacked), [Client(attacked) for _ in range(20)]
    for client in clients:
        client.setblocking(False)
        try:
            while True:
                client.send(ASK % b"schema")
        except BlockingIOError:
            pass
    most = 0
    for i in range(20):
        others_are_served(attacked)
        most = max(most, resident_kb(attacked))
    # 256 KiB wait for each, 64 KiB of requests, one answer more
    assert most - before < len(clients) * 1024
    closed = [False] * len(clients)

    def all_closed():
        for i, client in enumerate(clients):
            try:
                closed[i] = closed[i] or client.send(b"\n") < 0
            except BlockingIOError:
                pass
            except OSError:
                closed[i] = True
        return all(closed)
    wait_for(all_closed, 30, "who does not read is closed", every=0.2)
    for client in clients:
        client.close()


def test_slow_watchers(attacked):
    """Who watches and does not read is closed at his bound; who reads gets every event."""
    slow = [Client(attacked) for _ in range(10)]
    for client in slow:
        client.sendall(ASK % b"watch")
        assert client.reply()["result"] == {}
    with Rpc(attacked.switch.socket) as reader, Rpc(attacked.switch.socket) as actor:
        reader.call("watch")
        n = 0
        for _ in range(40):  # of 100 events each, some 200 octets: more than a socket and 256 KiB hold
            for i in range(100):
                actor.call("igmp.set", key="queries", value=1 + i % 2)
                n += 1
            got = [json.loads(reader.input.readline())["params"]["number"] for _ in range(100)]
            assert got == list(range(got[0], got[0] + 100))
    others_are_served(attacked)

    def ends(client):
        client.settimeout(5)
        while client.recv(1 << 20):
            pass
        return True
    assert all(map(ends, slow))


def test_vanishes_in_mid_answer(attacked):
    """While an answer of ten thousand rows is written; the rows are given back each time."""
    vm1 = attacked.guests["vm1"]
    for block in range(10):
        groups = [f"239.5.{block}.{i}" for i in range(100)]
        vm1.send(frames.igmp3_report(vm1.mac, vm1.ip, [(frames.TO_EX, group, []) for group in groups]))
    attacked.switch.wait("show status", lambda status: status["rows"] >= 1000)
    before = resident_kb(attacked)
    for _ in range(200):
        with Client(attacked) as client:
            client.sendall(ASK % b"groups" * 5)
            client.recv(100)
    wait_for(lambda: not busy(attacked), 5, "room for a client")
    others_are_served(attacked)
    assert resident_kb(attacked) - before < 8 * 1024


DEEP = b'{"jsonrpc":"2.0","id":1,"method":"status","params":' + b"[" * 60000
GARBAGE = [b"\n" * 60000, b"\0" * 100 + b"\n", b"\xff\xfe\xfd\n", b"{}\n", b"[]\n", b"null\n", b'"x"\n', b"[" * 60000 + b"\n", DEEP + b"\n",
           b'{"jsonrpc":"2.0","id":{},"method":"status"}\n', b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 60000 + b'"}\n',
           b'{"jsonrpc":"2.0","id":1e999,"method":"status"}\n', b'{"id":1,"id":2,"jsonrpc":"2.0","method":"status"}\n',
           b'{"jsonrpc":"2.0","id":1,"method":"status","params":{"a":' + b"9" * 5000 + b"}}\n", b"GET / HTTP/1.1\r\n\r\n",
           b'{"jsonrpc":"2.0","id":1,"method":"\\u0000"}\n', b'{"jsonrpc":"2.0","id":1,"method":"groups","params":{"group":"\\ud800"}}\n']


@pytest.mark.parametrize("octets", GARBAGE, ids=lambda octets: repr(octets[:40]))
def test_garbage(attacked, octets):
    """Each is answered with an error or not at all, and the connection serves on."""
    with Client(attacked) as client:
        client.sendall(octets + ASK.replace(b":1", b":77") % b"version")
        answers = []
        while not answers or answers[-1].get("id") != 77:
            answer = client.reply()
            assert answer is not None, answers
            answers.append(answer)
        assert all("error" in answer for answer in answers[:-1]) and answers[-1]["result"]["api"] == 1
    others_are_served(attacked)


def test_random_octets(attacked):
    """Mutations of right requests, a fixed seed; nothing is changed by any, and the switch lives."""
    rng, n = random.Random(6), 0
    right = [ASK % method for method in (b"status", b"groups", b"ports", b"queriers", b"config")]
    end = time.monotonic() + 3
    while time.monotonic() < end:
        with Client(attacked) as client:
            for _ in range(20):
                line = bytearray(rng.choice(right))
                for _ in range(rng.randrange(1, 6)):
                    line[rng.randrange(len(line) - 1)] = rng.randrange(256)
                client.sendall(bytes(line))
                n += 1
            client.sendall(ASK.replace(b":1", b":77") % b"version")
            answer = {}
            while answer is not None and answer.get("id") != 77:
                answer = client.reply()
            assert answer is not None
    assert n > 100
    others_are_served(attacked)
