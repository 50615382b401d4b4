# SPDX-License-Identifier: BSD-3-Clause
"""
A querier: sends IGMP (and MLD) general queries out of an interface of a namespace at an interval, as the router beyond the
physical switch does.

By hand: /usr/bin/python3 -m lab.query NETNS DEV 10.0.0.254 [INTERVAL]   (in tests/)
"""

import sys
import threading

from .frames import Tap, igmp_query, link_local, mld_query
from .netns import Netns
from .process import Owned


class Querier(Owned):
    """
    Queries from `address` out of `dev` in `ns`, every `interval` seconds, the first at once. Codes and QQIC follow from the interval as a
    router's would: hosts answer within `response` seconds. mld=True asks IPv6 hosts too.
    """

    def __init__(self, ns, dev, address, interval=1.0, response=0.5, version=3, mld=False, mac="02:00:00:00:00:fe", vlan=None):
        qqic = max(1, round(interval))
        self.queries = [igmp_query(mac, address, version=version, code=round(response * 10), qqic=qqic, vlan=vlan)]
        if mld:
            self.queries.append(mld_query(mac, code=round(response * 1000), qqic=qqic, src=link_local(mac), vlan=vlan))
        self.interval, self.n_sent = interval, 0
        self._tap = Tap(ns, dev)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"querier {dev}", daemon=True)
        super().__init__()
        self._thread.start()

    def ask(self):
        """One round of queries now."""
        self._tap.send(self.queries)
        self.n_sent += 1

    def _run(self):
        while not self._stop.is_set():
            self.ask()
            self._stop.wait(self.interval)

    def _close(self):
        self._stop.set()
        self._thread.join(5)
        self._tap.close()


def main():
    ns = Netns.existing(sys.argv[1])
    interval = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0
    with Querier(ns, sys.argv[2], sys.argv[3], interval):
        threading.Event().wait()


if __name__ == "__main__":
    main()
