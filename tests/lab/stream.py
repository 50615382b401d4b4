# SPDX-License-Identifier: BSD-3-Clause
"""
Numbered multicast datagrams at a rate, sent and received in namespaces by mcguest (tests/vm/guest), the same program and
counts as inside guests.

By hand: ip netns exec NS build/lab/mcguest send 239.1.1.1 5000 1000 0 dev=eth0
         ip netns exec NS build/lab/mcguest recv dev=eth0 239.1.1.1
"""

import json
import signal
import tempfile
from pathlib import Path

from .process import LAB, REPO, LabError, Process, run, wait_for


def program():
    run([REPO / "tests/vm/guest/build-image", "mcguest"], timeout=300)
    return LAB / "mcguest"


class _Running(Process):
    """mcguest in a namespace; prints one line of JSON when told to end."""

    def __init__(self, ns, *words):
        self._directory = tempfile.TemporaryDirectory(prefix="mcs-stream-")
        super().__init__([program(), *words], Path(self._directory.name) / "log", name=f"mcguest {words[0]}", ns=ns)

    def result(self, timeout=5.0):
        """End it (if it has not ended) and return its rows."""
        self.signal(signal.SIGTERM)
        code = self.wait(timeout)
        text = self.log_text()
        self.close()
        if code:
            raise LabError(f"{self.name}: exit {code}: {text}")
        return json.loads(text.splitlines()[-1])

    def _close(self):
        super()._close()
        self._directory.cleanup()


class Sender(_Running):
    """A stream from a namespace. rate 0: as fast as possible; count 0: until stop(). options: size, ttl, source, first."""

    def __init__(self, ns, group, rate=1000, count=0, port=5000, dev="eth0", **options):
        extra = [f"{key}={value}" for key, value in options.items()]
        super().__init__(ns, "send", group, port, rate, count, f"dev={dev}", *extra)

    def finish(self, timeout=30.0):
        """Until `count` are sent; the number."""
        wait_for(lambda: self.poll() is not None, timeout, "all sent")
        return self.result()[0]["sent"]

    def stop(self):
        """Stop; the number sent."""
        return self.result()[0]["sent"]


class Receiver(_Running):
    """A member in a namespace, from its creation on: groups are "239.1.1.1" or "232.1.1.1,10.0.0.1" (group, source)."""

    def __init__(self, ns, *groups, dev="eth0"):
        super().__init__(ns, "recv", f"dev={dev}", *groups)
        wait_for(lambda: "joined" in self.log_text(), 5, "joined", alive=self)

    def stop(self):
        """Stop; {group: row} as Guest.stream() gives them."""
        return {row["group"]: row for row in self.result()}
