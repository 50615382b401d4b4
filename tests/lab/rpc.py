# SPDX-License-Identifier: BSD-3-Clause
"""The control protocol without mcctl: a question and its answer in a fraction of a millisecond, for tests that ask thousands."""

import json
import socket

from .process import LabError, Owned


class Refusal(LabError):
    """The switch refused, and said why."""


class Rpc(Owned):
    def __init__(self, path, timeout=10.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.input = self.socket.makefile("rb")
        self.n_asked = 0
        super().__init__()

    def call(self, method, **params):
        """The result. Refusal if the switch refuses."""
        self.n_asked += 1
        request = {"jsonrpc": "2.0", "id": self.n_asked, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        reply = {}
        while "id" not in reply:  # else it tells what it was asked to tell
            line = self.input.readline()
            if not line:
                raise LabError(f"{method}: the switch has closed the connection")
            reply = json.loads(line)
        if "error" in reply:
            raise Refusal(f"{method}: {reply['error']['message']}")
        return reply["result"]

    def _close(self):
        self.input.close()
        self.socket.close()
