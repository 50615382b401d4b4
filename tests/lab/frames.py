# SPDX-License-Identifier: BSD-3-Clause
"""
Frames: builders for what tests send, predicates for what they expect, and a sniffer on an interface.

Builders return scapy packets: bytes(packet) is the frame, and any field can be spoilt afterwards. Checksums and lengths are
computed unless given. `vlan` tags the frame. Received frames are bytes; look(frame) reads the few fields that predicates ask for
without scapy, which is a hundred times slower.
"""

import ipaddress
import socket
import struct
import time
from dataclasses import dataclass, field

import logging
logging.getLogger("scapy").setLevel(logging.ERROR)

from scapy.contrib.igmp import IGMP  # noqa: E402
from scapy.contrib.igmpv3 import IGMPv3, IGMPv3gr, IGMPv3mq, IGMPv3mr  # noqa: E402
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert  # noqa: E402
from scapy.layers.inet6 import (ICMPv6MLDMultAddrRec, ICMPv6MLDone, ICMPv6MLQuery, ICMPv6MLQuery2,  # noqa: E402
                                ICMPv6MLReport, ICMPv6MLReport2, IPv6, IPv6ExtHdrHopByHop, RouterAlert)
from scapy.layers.l2 import ARP, Dot1Q, Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

from .inbox import Frame, Inbox  # noqa: E402
from .process import LabError, Owned  # noqa: E402

IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK = range(1, 7)
ALL_HOSTS, ALL_ROUTERS, ALL_V3_ROUTERS = "224.0.0.1", "224.0.0.2", "224.0.0.22"


def group_mac(group):
    """Ethernet address of an IPv4 or IPv6 group (RFC 1112 6.4, RFC 2464 7)."""
    packed = ipaddress.ip_address(group).packed
    if len(packed) == 4:
        packed = b"\x01\x00\x5e" + bytes([packed[1] & 0x7F]) + packed[2:]
    else:
        packed = b"\x33\x33" + packed[12:]
    return packed.hex(":")


def ether(src, dst, vlan=None, pcp=0):
    """Ethernet header, 802.1Q-tagged if `vlan` is a number, double-tagged if a list of two."""
    header = Ether(src=src, dst=dst)
    for vid in vlan if isinstance(vlan, (list, tuple)) else [vlan] if vlan else []:
        header = header / Dot1Q(vlan=vid, prio=pcp)
    return header


def padded(packet, size=60):
    """The packet as bytes, zero-padded to the least Ethernet frame."""
    return bytes(packet).ljust(size, b"\0")


# ---- data ----

def udp(mac, src, group, payload=b"mcswitch", port=5000, sport=5000, vlan=None, ttl=8, dst_mac=None, **ip):
    """A UDP datagram from (mac, src) to a group or, with dst_mac, to a host. IPv4 or IPv6 by the address."""
    if ":" in group:
        network = IPv6(src=src, dst=group, hlim=ttl, **ip)
    else:
        network = IP(src=src, dst=group, ttl=ttl, **ip)
    return ether(mac, dst_mac or group_mac(group), vlan) / network / UDP(sport=sport, dport=port) / Raw(payload)


def arp_request(mac, src, target, vlan=None):
    return ether(mac, "ff:ff:ff:ff:ff:ff", vlan) / ARP(op=1, hwsrc=mac, psrc=src, pdst=target)


def rarp(mac, vlan=None):
    """The RARP request that moves a station's address to another port of the physical switch."""
    head = ether(mac, "ff:ff:ff:ff:ff:ff", vlan)
    head.lastlayer().type = 0x8035
    return head / ARP(op=3, hwsrc=mac, hwdst=mac, psrc="0.0.0.0", pdst="0.0.0.0")


# ---- IGMP ----

def _igmp_ip(mac, src, dst, vlan, ttl, alert, dst_mac=None, **ip):
    options = [IPOption_Router_Alert()] if alert else []
    return ether(mac, dst_mac or group_mac(dst), vlan) / IP(src=src, dst=dst, ttl=ttl, tos=0xC0, id=0, proto=2,
                                                            options=options, **ip)


def igmp1_report(mac, src, group, vlan=None):
    return _igmp_ip(mac, src, group, vlan, 1, False) / IGMP(type=0x12, mrcode=0, gaddr=group)


def igmp2_report(mac, src, group, vlan=None, ttl=1, alert=True, dst=None, chksum=None, **ip):
    return _igmp_ip(mac, src, dst or group, vlan, ttl, alert, **ip) / IGMP(type=0x16, mrcode=0, gaddr=group, chksum=chksum)


def igmp2_leave(mac, src, group, vlan=None, ttl=1, alert=True):
    return _igmp_ip(mac, src, ALL_ROUTERS, vlan, ttl, alert) / IGMP(type=0x17, mrcode=0, gaddr=group)


def igmp3_report(mac, src, records, vlan=None, ttl=1, alert=True, dst=ALL_V3_ROUTERS, chksum=None, numgrp=None, **ip):
    """records: [(type, group, [sources])] or IGMPv3gr objects, for auxiliary data and the like."""
    rows = [row if isinstance(row, IGMPv3gr) else IGMPv3gr(rtype=row[0], maddr=row[1], srcaddrs=list(row[2]))
            for row in records]
    return (_igmp_ip(mac, src, dst, vlan, ttl, alert, **ip) / IGMPv3(type=0x22, mrcode=0, chksum=chksum)
            / IGMPv3mr(numgrp=numgrp if numgrp is not None else len(rows), records=rows))


def igmp3_join(mac, src, group, sources=(), vlan=None):
    """Join a group (any source), or with sources those only."""
    return igmp3_report(mac, src, [(TO_IN if sources else TO_EX, group, sources)], vlan)


def igmp3_leave(mac, src, group, vlan=None):
    return igmp3_report(mac, src, [(TO_IN, group, [])], vlan)


def igmp_query(mac, src, group="0.0.0.0", version=3, code=100, qrv=2, qqic=125, sources=(), suppress=0, vlan=None,
               dst=None, ttl=1, alert=True, dst_mac=None, chksum=None):
    """A general query, or one of a group, or of (group, sources). version 1, 2 or 3."""
    dst = dst or (ALL_HOSTS if group == "0.0.0.0" else group)
    head = _igmp_ip(mac, src, dst, vlan, ttl, alert and version > 1, dst_mac)
    if version < 3:
        return head / IGMP(type=0x11, mrcode=code if version == 2 else 0, gaddr=group, chksum=chksum)
    return (head / IGMPv3(type=0x11, mrcode=code, chksum=chksum)
            / IGMPv3mq(gaddr=group, s=suppress, qrv=qrv, qqic=qqic, numsrc=len(sources), srcaddrs=list(sources)))


# ---- MLD ----

def link_local(mac):
    """The EUI-64 link-local address of an Ethernet address."""
    raw = bytes.fromhex(mac.replace(":", ""))
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes([raw[0] ^ 2]) + raw[1:3] + b"\xff\xfe" + raw[3:]))


def _mld_ip(mac, src, dst, vlan, hlim, alert, dst_mac=None):
    head = ether(mac, dst_mac or group_mac(dst), vlan) / IPv6(src=src or link_local(mac), dst=dst, hlim=hlim)
    return head / IPv6ExtHdrHopByHop(options=[RouterAlert()]) if alert else head


def mld1_report(mac, group, src=None, vlan=None, hlim=1, alert=True):
    return _mld_ip(mac, src, group, vlan, hlim, alert) / ICMPv6MLReport(mladdr=group)


def mld1_done(mac, group, src=None, vlan=None, hlim=1, alert=True):
    return _mld_ip(mac, src, "ff02::2", vlan, hlim, alert) / ICMPv6MLDone(mladdr=group)


def mld2_report(mac, records, src=None, vlan=None, hlim=1, alert=True, cksum=None):
    """records: [(type, group, [sources])] or ICMPv6MLDMultAddrRec objects."""
    rows = [row if isinstance(row, ICMPv6MLDMultAddrRec)
            else ICMPv6MLDMultAddrRec(rtype=row[0], dst=row[1], sources=list(row[2])) for row in records]
    return _mld_ip(mac, src, "ff02::16", vlan, hlim, alert) / ICMPv6MLReport2(records=rows, cksum=cksum)


def mld2_join(mac, group, sources=(), src=None, vlan=None):
    return mld2_report(mac, [(TO_IN if sources else TO_EX, group, sources)], src, vlan)


def mld2_leave(mac, group, src=None, vlan=None):
    return mld2_report(mac, [(TO_IN, group, [])], src, vlan)


def mld_query(mac, group="::", version=2, code=10000, qrv=2, qqic=125, sources=(), suppress=0, src=None, vlan=None, dst=None,
              hlim=1, alert=True):
    """code is the Maximum Response Code, in ms below 32768."""
    dst = dst or ("ff02::1" if group == "::" else group)
    head = _mld_ip(mac, src, dst, vlan, hlim, alert)
    if version == 1:
        return head / ICMPv6MLQuery(mladdr=group, mrd=code)
    return head / ICMPv6MLQuery2(mladdr=group, mrd=code, S=suppress, QRV=qrv, QQIC=qqic, sources=list(sources))


def pim_hello(mac, src, vlan=None):
    """PIM version 2 hello (RFC 7761 4.9.2) with a holdtime of 105 s."""
    body = bytes.fromhex("20000000" "00010002" "0069")
    body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
    return ether(mac, group_mac("224.0.0.13"), vlan) / IP(src=src, dst="224.0.0.13", ttl=1, proto=103) / Raw(body)


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    data = bytes(data) + bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def malformed(mac, src, group="239.1.1.1", vlan=None):
    """
    IGMP frames each broken in one way: {name: frame}. A switch drops each with a counted reason, and none of them makes the sender a
    member of `group`.
    """
    good = igmp2_report(mac, src, group, vlan)
    v3 = igmp3_join(mac, src, group, vlan=vlan)
    raw, raw3 = bytes(good), bytes(v3)
    ip_at = 14 + (4 if vlan else 0)
    past_end = IGMPv3gr(rtype=TO_EX, maddr=group, numsrc=200, srcaddrs=["10.0.0.1"])
    aux = IGMPv3gr(rtype=TO_EX, maddr=group, auxdlen=255)

    def patched(frame, at, *values):
        return frame[:at] + bytes(values) + frame[at + len(values):]

    return {
        "igmp checksum": bytes(igmp2_report(mac, src, group, vlan, chksum=0xDEAD)),
        "ip checksum": patched(raw, ip_at + 10, 0xDE, 0xAD),
        "ip version": patched(raw, ip_at, 0x56),
        "ip header length under 20": patched(raw, ip_at, 0x44),
        "ip header length over the frame": patched(raw, ip_at, 0x4F),
        "ip total length over the frame": bytes(igmp2_report(mac, src, group, vlan, len=1400)),
        "ip total length under the header": bytes(igmp2_report(mac, src, group, vlan, len=12)),
        "igmp cut to 4 octets": bytes(_igmp_ip(mac, src, group, vlan, 1, True) / Raw(b"\x16\0\xe9\xff")),
        "fragment": bytes(igmp2_report(mac, src, group, vlan, frag=8)),
        "more fragments": bytes(igmp2_report(mac, src, group, vlan, flags="MF")),
        "record count over the packet": bytes(igmp3_report(mac, src, [(TO_EX, group, [])], vlan, numgrp=900)),
        "sources past the end": bytes(igmp3_report(mac, src, [past_end], vlan)),
        "auxiliary data past the end": bytes(igmp3_report(mac, src, [aux], vlan)),
        "v3 report cut to 8 octets": bytes(_igmp_ip(mac, src, ALL_V3_ROUTERS, vlan, 1, True) / Raw(
            b"\x22\0" + checksum(b"\x22\0\0\0\0\0\0\1").to_bytes(2, "big") + b"\0\0\0\1")),
        "frame cut in the IP header": raw3[:ip_at + 10],
    }


# ---- looking at received frames ----

@dataclass
class Look:
    """The fields of a frame that predicates ask for; None or empty where the frame has none."""

    dst: str
    src: str
    vlans: tuple = ()
    ethertype: int = 0
    ip_src: str = None
    ip_dst: str = None
    ttl: int = None
    proto: int = None
    sport: int = None
    dport: int = None
    kind: str = ""
    group: str = None
    records: list = field(default_factory=list)
    payload: bytes = b""

    @property
    def vlan(self):
        return self.vlans[0] if self.vlans else 0

    def __str__(self):
        text = f"{self.src} > {self.dst}" + "".join(f" vlan {vlan}" for vlan in self.vlans)
        if self.ip_dst:
            text += f" {self.ip_src} > {self.ip_dst}"
        if self.dport is not None:
            text += f" udp {self.dport} {self.payload[:12]!r}"
        elif self.kind:
            text += f" {self.kind}" + (f" {self.group}" if self.group else "")
            text += "".join(f" [{kind} {group} {{{', '.join(sources)}}}]" for kind, group, sources in self.records)
        elif not self.ip_dst:
            text += f" type 0x{self.ethertype:04x}"
        return text


IGMP_KINDS = {0x11: "query", 0x12: "report1", 0x16: "report2", 0x17: "leave", 0x22: "report3", 0x30: "mrd"}
MLD_KINDS = {130: "query", 131: "report1", 132: "leave", 143: "report2", 151: "mrd"}


def look(frame):
    """Read a frame. Never raises: what is too short is left out."""
    raw = bytes(frame)
    seen = Look(raw[0:6].hex(":"), raw[6:12].hex(":"))
    try:
        at = 12
        seen.ethertype = int.from_bytes(raw[at:at + 2], "big")
        while seen.ethertype in (0x8100, 0x88A8):
            seen.vlans += (int.from_bytes(raw[at + 2:at + 4], "big") & 0xFFF,)
            at += 4
            seen.ethertype = int.from_bytes(raw[at:at + 2], "big")
        body = raw[at + 2:]
        if seen.ethertype == 0x0800:
            _look4(seen, body)
        elif seen.ethertype == 0x86DD:
            _look6(seen, body)
    except (IndexError, struct.error, ValueError, OSError):
        pass
    return seen


def _look4(seen, body):
    seen.ttl, seen.proto = body[8], body[9]
    seen.ip_src, seen.ip_dst = socket.inet_ntoa(body[12:16]), socket.inet_ntoa(body[16:20])
    rest = body[(body[0] & 15) * 4:int.from_bytes(body[2:4], "big")]
    if seen.proto == 17:
        _look_udp(seen, rest)
    elif seen.proto == 2:
        seen.kind = "igmp " + IGMP_KINDS.get(rest[0], f"type 0x{rest[0]:02x}")
        if rest[0] == 0x22:
            _look_records(seen, rest, 4)
        else:
            seen.group = socket.inet_ntoa(rest[4:8])
    elif seen.proto == 103:
        seen.kind = "pim"
    elif seen.proto == 1:
        seen.kind = f"icmp {rest[0]}"


def _look6(seen, body):
    seen.proto, seen.ttl = body[6], body[7]
    seen.ip_src, seen.ip_dst = (socket.inet_ntop(socket.AF_INET6, body[at:at + 16]) for at in (8, 24))
    rest = body[40:40 + int.from_bytes(body[4:6], "big")]
    while seen.proto in (0, 43, 60):
        seen.proto, rest = rest[0], rest[(rest[1] + 1) * 8:]
    if seen.proto == 17:
        _look_udp(seen, rest)
    elif seen.proto == 58:
        seen.kind = "mld " + MLD_KINDS[rest[0]] if rest[0] in MLD_KINDS else f"icmp6 {rest[0]}"
        if rest[0] == 143:
            _look_records(seen, rest, 16)
        elif rest[0] in MLD_KINDS:
            seen.group = socket.inet_ntop(socket.AF_INET6, rest[8:24])


def _look_udp(seen, rest):
    seen.sport, seen.dport = struct.unpack_from("!HH", rest)
    seen.payload = rest[8:]


def _look_records(seen, rest, size):
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    at = 8
    for _ in range(int.from_bytes(rest[6:8], "big")):
        kind, aux, n_sources = struct.unpack_from("!BBH", rest, at)
        words = [rest[at + 4 + i * size:at + 4 + (i + 1) * size] for i in range(n_sources + 1)]
        texts = [socket.inet_ntop(family, word) for word in words]
        seen.records.append((kind, texts[0], texts[1:]))
        at += 4 + size * (n_sources + 1) + aux * 4


# ---- predicates: what(frame) -> bool, with a description for error messages ----

def named(what, test):
    def predicate(frame):
        return test(look(frame))
    predicate.what = what
    return predicate


def is_udp_to(group, payload=None, vlan=None, src=None):
    return named(f"udp to {group}" + (f" {payload!r}" if payload else "") + (f" vlan {vlan}" if vlan is not None else ""),
                 lambda seen: seen.dport is not None and seen.ip_dst == group and (payload is None or seen.payload == payload)
                 and (vlan is None or seen.vlan == vlan) and (src is None or seen.ip_src == src))


def is_payload(payload):
    """Any UDP datagram with this payload: a fence with a payload of its own is told from every other frame."""
    return named(f"payload {payload!r}", lambda seen: seen.payload == payload)


def is_query(group=None, family=None):
    """An IGMP (family 4) or MLD (family 6) query; of a group, or any."""
    kinds = {4: ("igmp query",), 6: ("mld query",)}.get(family, ("igmp query", "mld query"))
    return named(f"query {group or ''}", lambda seen: seen.kind in kinds and (group is None or seen.group == group))


def is_report(group=None, kind=None, src_mac=None):
    """An IGMP or MLD report of any version that names the group; `kind`: with this record type."""
    def test(seen):
        if not seen.kind.startswith(("igmp report", "mld report")) or (src_mac and seen.src != src_mac):
            return False
        if not seen.records:
            return (group is None or seen.group == group) and kind is None
        return any((group is None or row[1] == group) and (kind is None or row[0] == kind) for row in seen.records)
    return named(f"report {group or ''}", test)


def is_leave(group=None):
    """IGMPv2 leave, MLDv1 done, or a TO_IN{} record."""
    return named(f"leave {group or ''}", lambda seen:
                 (seen.kind in ("igmp leave", "mld leave") and (group is None or seen.group == group))
                 or any(row[0] == TO_IN and not row[2] and (group is None or row[1] == group) for row in seen.records))


def is_rarp(mac=None):
    return named(f"rarp {mac or ''}", lambda seen: seen.ethertype == 0x8035 and (mac is None or seen.src == mac))


def is_dst(mac):
    return named(f"to {mac}", lambda seen: seen.dst == mac)


# ---- a raw socket on an interface ----

ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 3, 263, 8, 4
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6


class Tap(Inbox, Owned):
    """
    Frames of one interface, seen and sent raw. On the daemon's TAP in the namespace of the wire, direction "in" is what the daemon
    transmitted and send() is what it receives; "out" is what the kernel sends to the daemon; "both" is both.
    Frames have their VLAN tags, and the kernel's time of arrival. It sees everything from its creation on.
    """

    def __init__(self, ns, dev, direction="in"):
        Inbox.__init__(self)
        self.name, self.dev, self.direction, self.n_sent = f"{ns}:{dev}", dev, direction, 0
        with ns.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.socket.bind((dev, ETH_P_ALL))
        Owned.__init__(self)

    def send(self, frame, count=1):
        """Send a frame, or a list of them, `count` times over."""
        frames = [bytes(one) for one in (frame if isinstance(frame, (list, tuple)) else [frame])]
        self.socket.settimeout(5)
        for _ in range(count):
            for one in frames:
                try:
                    self.socket.send(one)
                    self.n_sent += 1
                except OSError as error:
                    raise LabError(f"{self.name}: {error}") from error

    def _receive(self, timeout):
        self.socket.settimeout(max(timeout, 0))
        n_errors = 0
        while n_errors < 3:
            try:
                data, control, _, address = self.socket.recvmsg(65536, 256)
            except (BlockingIOError, TimeoutError):
                return
            except OSError as error:  # the interface went down or away: ENETDOWN is told once, and before what came earlier
                if error.errno not in (100, 19, 6):
                    raise
                n_errors += 1
            else:
                outgoing = address[2] == PACKET_OUTGOING
                if self.direction == "both" or outgoing == (self.direction == "out"):
                    self.frames.append(self._frame(data, control))
            self.socket.settimeout(0)

    @staticmethod
    def _frame(data, control):
        ns = time.monotonic_ns()
        for level, kind, value in control:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, rest = struct.unpack("qq", value[:16])
                ns -= time.time_ns() - (seconds * 10**9 + rest)
            elif level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value[:20])
                if status & TP_STATUS_VLAN_VALID:
                    tag = struct.pack("!HH", tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100, tci)
                    data = data[:12] + tag + data[12:]
        return Frame.at(data, ns)

    def _close(self):
        self.socket.close()
