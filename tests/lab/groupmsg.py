# SPDX-License-Identifier: BSD-3-Clause
"""Queries read octet by octet, and messages of routers: what frames.py, which knows frames in general, leaves out."""

import socket
from dataclasses import dataclass, field

from scapy.packet import Raw

from . import frames


@dataclass
class Query:
    """An IGMP or MLD query as it stands on the wire."""

    family: int
    version: int
    group: str
    source: str
    destination: str
    eth_source: str
    eth_destination: str
    ttl: int
    router_alert: bool
    max_response_s: float
    size: int  # of the frame without its tag
    checksum_ok: bool
    suppress: bool = False
    qrv: int = 0
    qqic: int = 0
    sources: list = field(default_factory=list)

    @property
    def general(self):
        return self.group in ("0.0.0.0", "::")


def code8(value):
    """RFC 3376 4.1.1, 4.1.7: from 128 on, a floating point number."""
    return value if value < 128 else ((value & 0xF) | 0x10) << ((value >> 4 & 7) + 3)


def code16(value):
    """RFC 3810 5.1.3."""
    return value if value < 32768 else ((value & 0xFFF) | 0x1000) << ((value >> 12 & 7) + 3)


def query_of(frame):
    """A Query, or None if the frame is not one."""
    raw = bytes(frame)
    seen = frames.look(raw)
    if seen.kind not in ("igmp query", "mld query"):
        return None
    at = 14 + 4 * len(seen.vlans)
    body = raw[at:]
    head = dict(source=seen.ip_src, destination=seen.ip_dst, eth_source=seen.src, eth_destination=seen.dst, ttl=seen.ttl,
                group=seen.group, size=len(raw) - 4 * len(seen.vlans))
    return _query4(body, head) if seen.kind == "igmp query" else _query6(body, head)


def _query4(body, head):
    size = (body[0] & 15) * 4
    message = body[size:int.from_bytes(body[2:4], "big")]
    alert = body[20:24] == b"\x94\x04\x00\x00" if size >= 24 else False
    version = 3 if len(message) >= 12 else 1 if message[1] == 0 else 2
    code = code8(message[1]) if version == 3 else message[1]
    query = Query(family=4, version=version, router_alert=alert, max_response_s=code / 10,
                  checksum_ok=frames.checksum(message) == 0, **head)
    if version == 3:
        _tail(query, message[8:], 4)
    return query


def _query6(body, head):
    options = body[40:48]
    alert = body[6] == 0 and b"\x05\x02\x00\x00" in options
    at = 48 if body[6] == 0 else 40
    message = body[at:40 + int.from_bytes(body[4:6], "big")]
    pseudo = body[8:40] + len(message).to_bytes(4, "big") + b"\0\0\0\x3a"
    version = 2 if len(message) >= 28 else 1
    code = int.from_bytes(message[4:6], "big")
    query = Query(family=6, version=version, router_alert=alert, max_response_s=(code16(code) if version == 2 else code) / 1000,
                  checksum_ok=frames.checksum(pseudo + message) == 0, **head)
    if version == 2:
        _tail(query, message[24:], 16)
    return query


def _tail(query, tail, size):
    query.suppress, query.qrv, query.qqic = bool(tail[0] & 8), tail[0] & 7, code8(tail[1])
    for i in range(int.from_bytes(tail[2:4], "big")):
        word = tail[4 + i * size:4 + (i + 1) * size]
        query.sources.append(socket.inet_ntop(socket.AF_INET if size == 4 else socket.AF_INET6, word))


# ---- routers ----

def pim_hello(mac, src, hold_s=105, vlan=None):
    """PIM version 2 hello (RFC 7761 4.9.2); a holdtime of 0 says goodbye."""
    body = bytes.fromhex("20000000" "00010002") + hold_s.to_bytes(2, "big")
    body = body[:2] + frames.checksum(body).to_bytes(2, "big") + body[4:]
    head = frames.ether(mac, frames.group_mac("224.0.0.13"), vlan)
    return head / frames.IP(src=src, dst="224.0.0.13", ttl=1, proto=103) / Raw(body)


def mrd(mac, src, interval_s=20, goodbye=False, vlan=None):
    """Multicast router advertisement (RFC 4286 3.1.1), or termination. A router that is silent for three intervals is gone."""
    body = bytes([0x32, 0, 0, 0]) if goodbye else bytes([0x30, interval_s, 0, 0, 0, 125, 0, 2])
    body = body[:2] + frames.checksum(body).to_bytes(2, "big") + body[4:]
    return igmp(mac, src, "224.0.0.106", body, vlan)


def mrd6(mac, goodbye=False, interval_s=20, vlan=None):
    """The same of IPv6."""
    source = frames.link_local(mac)
    body = bytes([153, 0, 0, 0]) if goodbye else bytes([151, interval_s, 0, 0, 0, 125, 0, 2])
    pseudo = b"".join(socket.inet_pton(socket.AF_INET6, a) for a in (source, "ff02::6a"))
    pseudo += len(body).to_bytes(4, "big") + b"\0\0\0\x3a"
    body = body[:2] + frames.checksum(pseudo + body).to_bytes(2, "big") + body[4:]
    head = frames.ether(mac, frames.group_mac("ff02::6a"), vlan) / frames.IPv6(src=source, dst="ff02::6a", hlim=1, nh=0)
    return head / frames.IPv6ExtHdrHopByHop(nh=58, options=[frames.RouterAlert()]) / Raw(body)


def igmp(mac, src, dst, body, vlan=None, ttl=1, alert=True):
    """Any IGMP message; the body with its checksum."""
    head = frames.ether(mac, frames.group_mac(dst), vlan)
    options = [frames.IPOption_Router_Alert()] if alert else []
    return head / frames.IP(src=src, dst=dst, ttl=ttl, tos=0xC0, id=0, proto=2, options=options) / Raw(body)


# ---- many records, without scapy's pace ----

def report3(mac, src, records, vlan=None):
    """frames.igmp3_report as bytes, a hundred times quicker: records [(type, group, [sources])]."""
    rows = b"".join(bytes([kind, 0]) + len(sources).to_bytes(2, "big") + b"".join(map(socket.inet_aton, (group, *sources)))
                    for kind, group, sources in records)
    body = b"\x22\0\0\0\0\0" + len(records).to_bytes(2, "big") + rows
    body = body[:2] + frames.checksum(body).to_bytes(2, "big") + body[4:]
    head = bytes.fromhex("46c0") + (24 + len(body)).to_bytes(2, "big") + bytes.fromhex("0000000001020000")
    head += socket.inet_aton(src) + socket.inet_aton(frames.ALL_V3_ROUTERS) + b"\x94\x04\0\0"
    head = head[:10] + frames.checksum(head).to_bytes(2, "big") + head[12:]
    ether = bytes.fromhex((frames.group_mac(frames.ALL_V3_ROUTERS) + mac).replace(":", ""))
    tag = b"\x81\0" + vlan.to_bytes(2, "big") if vlan else b""
    return ether + tag + b"\x08\0" + head + body
