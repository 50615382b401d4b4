# SPDX-License-Identifier: BSD-3-Clause
"""The source: a pcap file of one UDP frame a group, which net_pcap replays from memory. The same frames as frame.c builds."""

import struct

MAGIC = 0x4D435357
SOURCE_MAC = bytes.fromhex("020000ff0001")
SOURCE_IP = 0x0A0900FE
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


def stream_frame(size, i):
    """Stream frame number i: `size` bytes without the FCS."""
    eth = b"\x01\x00\x5e" + (group(i) & 0x7FFFFF).to_bytes(3, "big") + SOURCE_MAC + b"\x08\x00"
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, size - 14, 0, 0, 16, 17, 0, SOURCE_IP, group(i))
    ip = ip[:10] + checksum(ip).to_bytes(2, "big") + ip[12:]
    udp = struct.pack(">HHHH", UDP_PORT, UDP_PORT, size - 34, 0)
    payload = struct.pack(">II", MAGIC, i)
    head = eth + ip + udp + payload
    return head + bytes((i + at) & 0xFF for at in range(len(head), size))


def write_pcap(path, size, n_frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i in range(n_frames):
            frame = stream_frame(size, i)
            out.write(struct.pack("<IIII", 0, i, len(frame), len(frame)))
            out.write(frame)
