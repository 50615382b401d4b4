# SPDX-License-Identifier: BSD-3-Clause
"""
A QEMU monitor that is not QEMU: it says of a machine's cards what the test wants, and misbehaves on request.

    with FakeQmp(path, {"nic0": card("52:54:00:00:00:01", ["01:00:5e:01:01:01"])}) as qmp:
        qmp.change("nic0", ["01:00:5e:02:02:02"])     # NIC_RX_FILTER_CHANGED, if it is armed
        qmp.event("RESUME")

Like QEMU 7.2 it serves one client at a time, raises NIC_RX_FILTER_CHANGED once and re-arms it at the next reading.
"""

import json
import socket
import threading

from .process import Owned, wait_for

GREETING = {"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}


def card(mac, macs=(), /, **fields):
    """One element of query-rx-filter's answer."""
    return {"promiscuous": False, "main-mac": mac, "unicast": "normal", "vlan": "normal", "vlan-table": [0],
            "unicast-table": [], "multicast": "normal", "multicast-overflow": False, "unicast-overflow": False,
            "multicast-table": list(macs), "broadcast-allowed": False, **fields}


class FakeQmp(Owned):
    """`cards`: {name: card()}. `sockets`: {name of a card: path of its vhost-user socket}. `status`: of query-status."""

    def __init__(self, path, cards, sockets=None, status="running", greeting=GREETING):
        self.path, self.cards, self.sockets, self.status, self.greeting = str(path), cards, sockets or {}, status, greeting
        self.armed, self.asked, self.commands, self.n_clients = set(), 0, [], 0
        self.answers = {}  # command: what is sent instead of an answer: a value, bytes, or a function of the request
        self.lock, self.client, self.closed = threading.RLock(), None, False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        super().__init__()
        self._thread.start()

    # ---- what the machine does ----

    def event(self, event, /, **data):
        self.send({"event": event, "data": data, "timestamp": {"seconds": 1, "microseconds": 2}})

    def change(self, name, /, macs=None, **fields):
        """The guest changes a card's filter: its multicast table, or any field."""
        with self.lock:
            if macs is not None:
                fields["multicast-table"] = list(macs)
            self.cards[name].update(fields)
            if name in self.armed:
                self.armed.discard(name)
                self.event("NIC_RX_FILTER_CHANGED", name=name, path=f"/machine/peripheral/{name}/virtio-backend")

    def send(self, message):
        """A message as a line of JSON, or bytes as they are."""
        data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\r\n"
        with self.lock:
            if self.client:
                try:
                    self.client.sendall(data)
                except OSError:
                    pass

    def wait_asked(self, n=1, timeout=10.0):
        """Until the filter has been read n times since this FakeQmp was made."""
        wait_for(lambda: self.asked >= n, timeout, lambda: f"filter read {n} times: {self.asked}; {self.commands[-10:]}")

    def wait_client(self, n=1, timeout=15.0):
        """Until n connections have been made."""
        wait_for(lambda: self.n_clients >= n, timeout, lambda: f"connection {n} to QMP; {self.n_clients} so far")

    # ---- the server ----

    def _serve(self):
        while not self.closed:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.n_clients += 1
            with client:
                self._session(client)

    def _session(self, client):
        with self.lock:
            self.client = client
        self.send(self.greeting)
        try:
            for line in client.makefile("rb"):
                self._request(json.loads(line))
        except OSError:
            pass
        with self.lock:
            self.client = None

    def _request(self, request):
        command, arguments = request["execute"], request.get("arguments", {})
        self.commands.append(command)
        with self.lock:
            if command in self.answers:
                answer = self.answers[command]
                answer = answer(request) if callable(answer) else answer
                if isinstance(answer, bytes):
                    self.send(answer)
                    return
            else:
                answer = getattr(self, "_" + command.replace("-", "_"))(arguments)
            kind = "error" if isinstance(answer, dict) and "class" in answer else "return"
            self.send({kind: answer, "id": request.get("id")})
            self.asked += command == "query-rx-filter"

    def _qmp_capabilities(self, _):
        return {}

    def _query_status(self, _):
        return {"status": self.status, "running": self.status == "running", "singlestep": False}

    def _human_monitor_command(self, _):
        return "".join(f"{name}: index=0,type=nic,model=virtio-net-pci,macaddr={self.cards[name]['main-mac']}\r\n"
                       f" \\ net-{name}: index=0,type=vhost-user,vhost-user0 to chr-{name}\r\n" for name in self.cards)

    def _qom_get(self, arguments):
        path = self.sockets.get(arguments["path"].removeprefix("/chardevs/chr-"))
        return {"type": "unix", "path": path} if path else {"class": "GenericError", "desc": "no such property"}

    def _query_rx_filter(self, arguments):
        names = [arguments["name"]] if "name" in arguments else list(self.cards)
        if not set(names) <= set(self.cards):
            return {"class": "GenericError", "desc": f"invalid net client name: {names[0]}"}
        self.armed.update(names)
        return [{"name": name, **self.cards[name]} for name in names]

    def _close(self):
        self.closed = True
        with self.lock:
            if self.client:
                self.client.shutdown(socket.SHUT_RDWR)
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self._thread.join(5)
