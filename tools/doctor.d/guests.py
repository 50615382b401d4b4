# SPDX-License-Identifier: BSD-3-Clause
"""Sockets, and the command lines of the QEMU processes behind them."""
import json
import stat
from pathlib import PurePosixPath


def sockets(host, setup):
    found = socket(host, "the control socket", setup.control_socket(), "server", "mcswitch")
    # With a read_group everybody may knock, and the switch asks who it is.
    yield from (one for one in found if one[0] != "socket-open" or not setup.read_group())
    for path, (name, mode) in setup.guests().items():
        yield from socket(host, f"guest {name}", path, mode, "mcswitch-guests", name)


def socket(host, what, path, mode, group, guest=None):
    directory = str(PurePosixPath(path).parent)
    fields = {"what": what, "path": path, "directory": directory, "group": group}
    if not host.exists(directory):
        # The switch makes its own, and systemd those of /run/mcswitch.
        if guest and not directory.startswith("/run/mcswitch"):
            yield "socket-directory", fields
        return
    status = host.path(directory).stat()
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        yield "socket-directory-open", {**fields, "mode": f"{stat.S_IMODE(status.st_mode):04o}"}
    if not host.exists(path):
        if mode == "client":
            yield "socket-absent", {**fields, "start": f"virsh start {guest}"}
        return
    status = host.path(path).stat()
    if not stat.S_ISSOCK(status.st_mode):
        yield "socket-no-socket", fields
    elif status.st_mode & stat.S_IWOTH:
        yield "socket-open", {**fields, "mode": f"{stat.S_IMODE(status.st_mode):04o}"}


# ---- QEMU ----

def is_qemu(argv):
    return PurePosixPath(argv[0]).name.startswith(("qemu-system-", "qemu-kvm", "kvm"))


def options(argv, name):
    """The values of every -NAME, as dicts: "kind,key=value,flag" or the JSON that libvirt writes."""
    for i, word in enumerate(argv[:-1]):
        if word in (f"-{name}", f"--{name}"):
            yield option(argv[i + 1])


def option(text):
    if text.startswith("{"):
        try:
            return {key: "on" if value is True else "off" if value is False else value for key, value in json.loads(text).items()}
        except ValueError:
            return {}
    parts = text.split(",")
    found = {"": parts[0]} if "=" not in parts[0] else {}
    for part in parts[0 if "=" in parts[0] else 1:]:
        key, equals, value = part.partition("=")
        found[key] = value if equals else "on"
    return found


def kind(found):
    return str(found.get("") or found.get("qom-type") or found.get("type") or found.get("backend") or found.get("driver") or "")


def guest_name(argv):
    for found in options(argv, "name"):
        return str(found.get("guest") or found.get("") or "?")
    return "?"


def address(chardev):
    """(path, does QEMU own it, does it reconnect) of a chardev on a Unix socket."""
    return (str(chardev.get("path", "")), chardev.get("server", "off") not in ("off", False),
            str(chardev.get("reconnect", chardev.get("reconnect-ms", "0"))) not in ("0", "off"))


def qemu(host, setup):
    for pid, argv in host.processes():
        if not is_qemu(argv):
            continue
        netdevs = {str(found.get("id")): str(found.get("chardev")) for found in options(argv, "netdev") if kind(found) == "vhost-user"}
        if not netdevs:
            continue
        fields = {"pid": pid, "guest": guest_name(argv)}
        yield from memory(argv, fields)
        chardevs = {str(found.get("id")): found for found in options(argv, "chardev")}
        for chardev in netdevs.values():
            yield from connection(chardevs.get(chardev, {}), setup, {**fields, "chardev": chardev})
        yield from vectors(argv, netdevs, fields)


def memory(argv, fields):
    backends = {str(found.get("id")): found for found in options(argv, "object") if kind(found).startswith("memory-backend-")}
    used = {str(found[key]) for name, key in (("machine", "memory-backend"), ("numa", "memdev"), ("device", "memdev"))
            for found in options(argv, name) if key in found}
    shared = [name for name, found in backends.items() if found.get("share", "on" if "epc" in kind(found) else "off") == "on"]
    size = next((str(found.get("size") or found.get("")) for found in options(argv, "m")), "SIZE")
    if not shared or any(name in used and name not in shared for name in backends):
        yield "qemu-not-shared", {**fields, "size": f"{size}M" if size.isdigit() else size}
    elif not used & set(shared):
        yield "qemu-memory-unused", {**fields, "id": shared[0]}


def connection(chardev, setup, fields):
    path, owns, reconnects = address(chardev)
    fields = {**fields, "path": path}
    if not path:  # libvirt hands over a descriptor, or there is no such chardev
        return
    if not owns and not reconnects:
        yield "qemu-no-reconnect", fields
    if not setup.guests():
        return
    if path not in setup.guests():
        yield "qemu-socket-unknown", fields
        return
    mode = setup.guests()[path][1]
    if owns and mode == "server":
        yield "qemu-both-serve", fields
    if not owns and mode == "client":
        yield "qemu-nobody-serves", fields


def vectors(argv, netdevs, fields):
    """Only QEMU without KVM: MSI-X of a vhost-user card is what crashes it."""
    accelerators = [kind(found) or str(found.get("accel", "")) for found in options(argv, "accel")]
    accelerators += [str(found["accel"]) for found in options(argv, "machine") if "accel" in found]
    if "-enable-kvm" in argv or any("kvm" in one for one in accelerators) or "kvm" in PurePosixPath(argv[0]).name:
        return
    for found in options(argv, "device"):
        if kind(found).startswith("virtio-net") and str(found.get("netdev")) in netdevs and str(found.get("vectors", "3")) != "0":
            yield "qemu-vectors", {**fields, "netdev": found["netdev"]}
