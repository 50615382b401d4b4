# SPDX-License-Identifier: BSD-3-Clause
"""What tests of NIC teaming share: who carries whom, cables that are pulled, and what leaves by which uplink. `net` is conftest's Net."""

from . import frames
from .inbox import summary

OUTSIDE, SOURCE = "02:00:00:00:00:99", "10.0.0.99"
FENCE_GROUP = "224.0.0.251"
BURST_SOURCES = ("10.0.0.0", "00:00:00:00:00:00")  # IP and Ethernet source of synthetic queries


def team(policy="port-id", active=("up0", "up1"), standby=(), name="team0", **settings):
    """The configuration of one team that takes all VLANs, unless told otherwise."""
    return {"teams": [{"name": name, "policy": policy, "active": list(active), "standby": list(standby), **settings}]}


def carriers(net):
    """{guest: uplink, or None}"""
    return {port["name"]: port["carrier"] for port in net.switch.ctl("show ports") if port["role"] == "guest"}


def wait_carriers(net, **wanted):
    """Until these guests are carried by these uplinks, and every worker knows."""
    net.switch.wait("show ports", lambda ports: all(wanted.get(port["name"], port["carrier"]) == port["carrier"] for port in ports),
                    what=f"carriers {wanted}")


def state(net, uplink):
    return next(row for row in net.switch.ctl("show uplinks") if row["name"] == uplink)


def wait_state(net, uplink, wanted):
    net.switch.wait("show uplinks", lambda rows: any((row["name"], row["state"]) == (uplink, wanted) for row in rows),
                    what=f"{uplink} is {wanted}")


def cut(net, *uplinks):
    for uplink in uplinks:
        net.wire.down(uplink)
    for uplink in uplinks:
        wait_state(net, uplink, "down")
        net.ups[uplink].drain()  # the socket's word that the network is down


def mend(net, *uplinks):
    for uplink in uplinks:
        net.wire.up(uplink)
    for uplink in uplinks:
        wait_state(net, uplink, "up")
        net.ups[uplink].drain()


def clear(net):
    """What is under way has arrived; forget it."""
    net.settle()
    net.switch.wait_turn()
    for inbox in [*net.ups.values(), *net.guests.values()]:
        inbox.drain()


def out_by(net, what):
    """The uplinks that frames of which what(frame) is true have left by, once a frame: nothing is still under way."""
    net.settle()
    net.switch.wait_turn()
    return [name for name, up in net.ups.items() for frame in up.drain() if what(frame)]


def is_burst(family=None):
    """A synthetic query, as a guest sees it."""
    query = frames.is_query(family=family)

    def test(frame):
        seen = frames.look(frame)
        return query(frame) and seen.src == BURST_SOURCES[1]
    test.what = "synthetic query"
    return test


def taken_by(net, payload, inject):
    """
    {guest: how often} of a payload that inject() has sent into uplinks. A fence of its own goes into every uplink behind it, of which each
    guest sees as many as there are uplinks that carry it; the first suffices, for what came by the others is drained afterwards.
    """
    inject()
    net.settle()
    net.switch.wait_turn()
    for up in net.ups.values():
        try:
            up.send(frames.udp(OUTSIDE, SOURCE, FENCE_GROUP, b"fence"))
        except frames.LabError:  # its link is down
            pass
    count = {}
    for name, guest in net.guests.items():
        seen = guest.collect(frames.is_payload(b"fence")) + guest.drain()
        count[name] = sum(frames.look(frame).payload == payload for frame in seen)
    return count


def reports(seen, src_mac=None):
    """The membership reports among frames."""
    return [frame for frame in seen if frames.is_report(src_mac=src_mac)(frame)]


def words(seen):
    return summary(seen, 30)
