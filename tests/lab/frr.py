# SPDX-License-Identifier: BSD-3-Clause
"""FRR's zebra and pimd in a namespace, with sockets and configuration in a directory of their own: the host's FRR, if any, notices nothing."""

import json
import shutil
from pathlib import Path

from .process import Owned, Workdir, run, wait_for

DAEMONS = Path("/usr/lib/frr")


def available():
    """None, or why not."""
    if not (DAEMONS / "pimd").exists() or not shutil.which("vtysh"):
        return "FRR is missing: apt-get install frr"
    return None


class Router(Owned):
    """`config`: pimd's, the lines of its configuration file."""

    def __init__(self, ns, config):
        self.ns, self.work, self.zebra, self.pimd = ns, Workdir("frr"), None, None
        shutil.chown(self.work, "frr", "frr")  # they give up root
        (self.work / "zebra.conf").write_text("hostname router\n")
        (self.work / "pimd.conf").write_text(config)
        super().__init__()
        self.zebra = self._start("zebra")
        wait_for((self.work / "zserv.api").exists, 10, "zebra's socket", alive=self.zebra)
        self.pimd = self._start("pimd")
        wait_for((self.work / "pimd.vty").exists, 10, "pimd's socket", alive=self.pimd)

    def _start(self, name):
        return self.ns.start(DAEMONS / name, "-f", self.work / f"{name}.conf", "-i", self.work / f"{name}.pid",
                             "-z", self.work / "zserv.api", "--vty_socket", self.work, "-P", "0", "--log", "stdout",
                             log=self.work / f"{name}.log", name=name)

    def show(self, command):
        """A show command that speaks JSON, as a dict."""
        text = run(["vtysh", "--vty_socket", self.work, "-d", "pimd", "-c", f"show {command} json"], check=False)
        start = text.find("{")
        return json.loads(text[start:]) if start >= 0 else {}

    def igmp_groups(self, dev="eth0"):
        """{group: row} of `show ip igmp groups`."""
        rows = self.show("ip igmp groups").get(dev, {}).get("groups", [])
        return {row["group"]: row for row in rows}

    def igmp_sources(self, dev="eth0"):
        """{(source, group)} of `show ip igmp sources`."""
        found = set()
        for group, sources in self.show("ip igmp sources").get(dev, {}).items():
            if isinstance(sources, dict):
                found |= {(row["source"], group) for row in sources.get("sources", [])}
        return found

    def explain(self):
        return "\n".join(path.read_text() for path in (self.work / "zebra.log", self.work / "pimd.log") if path.exists())

    def _close(self):
        for daemon in filter(None, (self.pimd, self.zebra)):
            daemon.close()
        self.work.close()
