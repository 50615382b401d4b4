# SPDX-License-Identifier: BSD-3-Clause
"""The source: a pcap file of one UDP frame a group, which net_pcap replays from memory. The same frames as frame.c builds."""

import struct

MAGIC = 0x4D435357
SOURCE_MAC = bytes.fromhex("020000ff0001")
SOURCE_IP = 0x0A0900FE
OTHER_IP = 0x0A0900FD  # wanted by nobody who names a source
GUEST_IP = 0x0A090001  # of guest 0
GROUP_BASE = 0xEF010000
UDP_PORT = 5000


def group(i):
    """Group number i as an integer: 239.1.(i / 256).(i % 256)."""
    return GROUP_BASE + i


def group_text(i):
    return ".".join(str(b) for b in group(i).to_bytes(4, "big"))


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def stream_frame(size, i, source_ip=SOURCE_IP):
    """Stream frame number i: `size` bytes without the FCS."""
    eth = b"\x01\x00\x5e" + (group(i) & 0x7FFFFF).to_bytes(3, "big") + SOURCE_MAC + b"\x08\x00"
    return eth + packet(size, i, source_ip, group(i))


def unicast_frame(size, i, to):
    """The same to guest number `to`."""
    return bytes([2, 0, 0, 0, to >> 8, to & 0xFF]) + SOURCE_MAC + b"\x08\x00" + packet(size, i, SOURCE_IP, GUEST_IP + to)


def packet(size, i, source_ip, destination):
    """From the IP header on."""
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, size - 14, 0, 0, 16, 17, 0, source_ip, destination)
    ip = ip[:10] + checksum(ip).to_bytes(2, "big") + ip[12:]
    udp = struct.pack(">HHHH", UDP_PORT, UDP_PORT, size - 34, 0)
    head = ip + udp + struct.pack(">II", MAGIC, i)
    return head + bytes((i + at) & 0xFF for at in range(14 + len(head), size))


def tagged(frame, vlan):
    return frame[:12] + struct.pack(">HH", 0x8100, vlan) + frame[12:] if vlan else frame


def case_frames(case):
    """The frames that net_pcap replays, in their order."""
    for i in range(case.n_frames):
        number = case.number(i)
        if case.unicast and i % 2:
            yield tagged(unicast_frame(case.size, number, 0), case.vlan)
        else:
            yield tagged(stream_frame(case.size, number), case.vlan)
        if case.source_specific and i % 16 == 0:
            yield tagged(stream_frame(case.size, number, OTHER_IP), case.vlan)


def write_pcap(path, case):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(case_frames(case)):
            out.write(struct.pack("<IIII", 0, i, len(frame), len(frame)))
            out.write(frame)
