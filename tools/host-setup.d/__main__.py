# SPDX-License-Identifier: BSD-3-Clause
"""
Host set-up: hugepages a node, NICs on vfio-pci, vfio's devices and limits for the switch's user; now, and at every boot. What is made
is files (drivers-config/host has them) and one run of host-apply, which the unit runs again at boot. The doctor looks with the same eyes:
both share how much memory the switch wants, where, and what is a NIC that may be taken. See tools/host-setup.
"""
import argparse
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# In the source tree, and as installed.
sys.path.insert(0, str(next(path for path in (HERE.parent / "doctor.d", HERE.parent / "doctor") if path.exists())))
sys.dont_write_bytecode = True
import hardware  # noqa: E402
from findings import Finding  # noqa: E402
from host import HOST_APPLY, HOST_CONF, HOST_ENABLED, HOST_UNIT, Host, Setup, host_data, host_wants  # noqa: E402

MARK = "# Written by mcswitch-host-setup"
PAGE_KB = 2048


class Refused(Exception):
    """It cannot or must not be done; the message says what to do instead."""


def arguments():
    parser = argparse.ArgumentParser(
        prog="host-setup", description="Prepare this host for mcswitch, and keep it so across reboots. Without --apply it only says what "
        "it would do.",
        epilog="Exit status: 0 the host is as wanted, or now is; 1 there is something to do (without --apply), or it did not work; 2 refused.")
    parser.add_argument("--config", metavar="FILE", help="the switch's configuration: its PCI uplinks go to vfio-pci")
    parser.add_argument("--lcores", metavar="LIST", help="the lcores of -l; else from /etc/default/mcswitch")
    parser.add_argument("--hugepages", metavar="NODE=MIB", action="append", default=[],
                        help="this much on this node (may be repeated); else what the configuration wants, on each node with an lcore or uplink")
    parser.add_argument("--apply", action="store_true", help="do it")
    parser.add_argument("--undo", action="store_true", help="take back all that --apply made; with --apply, else only say so")
    parser.add_argument("--force", action="store_true", help="take NICs that are up, too: this host may lose its own network")
    parser.add_argument("--root", metavar="DIR", default="/", help="work on the tree below DIR instead, for tests and images")
    return parser.parse_args()


# ---- what is wanted ----

def hugepages(host, setup, asked):
    """{node: pages of 2 MiB}"""
    wanted = {}
    for word in asked:
        node, _, mib = word.partition("=")
        if not (node.isdigit() and mib.isdigit()):
            raise Refused(f"--hugepages {word}: expected NODE=MIB, such as 0=1024")
        if int(node) not in hardware.nodes(host):
            raise Refused(f"--hugepages {word}: there is no node {node} here")
        wanted[int(node)] = -(-int(mib) // 2)
    if wanted or "--no-huge" in setup.eal:
        return wanted
    pages = -(-hardware.wanted_mib(setup) // 2)
    nodes = hardware.nodes_in_use(host, setup) or [min(hardware.nodes(host))]
    return {node: pages for node in sorted(nodes)}


def nics(host, setup, force):
    """Addresses that host-apply is to give to vfio-pci. Those that ibverbs drives stay with the kernel."""
    taken = []
    for name, address in setup.uplinks():
        if not host.exists(f"{hardware.PCI}/{address}"):
            raise Refused(f"uplink {name}: there is no PCI device {address}; dpdk-devbind.py --status-dev net lists what there is")
        if hardware.driver_of(host, address) in hardware.BIFURCATED:
            continue
        up = [one for one in host.names(f"{hardware.PCI}/{address}/net")
              if host.text(f"{hardware.PCI}/{address}/net/{one}/operstate") == "up"]
        if up and not force:
            raise Refused(f"uplink {name}: {address} is interface {up[0]}, and it is up: this host may hang on it. ip link set {up[0]} down, "
                          "or --force")
        taken.append(address)
    return taken


def host_conf(pages, addresses):
    lines = [MARK + ". host-apply reads it at boot (mcswitch-host.service)."]
    lines += [f"hugepages {node} {PAGE_KB} {count}" for node, count in pages.items()]
    lines += [f"nic {address}" for address in addresses]
    return "\n".join(lines) + "\n"


def files(pages, addresses):
    """{path: (text, mode)} of all that is to be there."""
    marked = {name: f"{MARK}\n{host_data(name)}" for name in ("60-mcswitch.rules", "modules-load.conf", "limits.conf")}
    unit = host_data("mcswitch-host.service.in").replace("@APPLY@", HOST_APPLY)
    made = {
        HOST_CONF: (host_conf(pages, addresses), 0o644),
        HOST_APPLY: (host_data("host-apply").replace("\n", f"\n{MARK}\n", 1), 0o755),
        HOST_UNIT: (f"{MARK}\n{unit}", 0o644),
        "/etc/security/limits.d/mcswitch.conf": (marked["limits.conf"], 0o644),
    }
    if addresses:
        made["/etc/modules-load.d/mcswitch.conf"] = (marked["modules-load.conf"], 0o644)
        made["/etc/udev/rules.d/60-mcswitch.rules"] = (marked["60-mcswitch.rules"], 0o644)
    return made


EVERY_FILE = (HOST_CONF, HOST_APPLY, HOST_UNIT, "/etc/security/limits.d/mcswitch.conf", "/etc/modules-load.d/mcswitch.conf",
              "/etc/udev/rules.d/60-mcswitch.rules")


# ---- steps: (what it does in words, how); a step that is done already is none ----

def ours(host, name):
    """A file of somebody else is not ours to write or remove."""
    text = host.text(name)
    if text is not None and MARK not in text:
        raise Refused(f"{name} is there and was not written by host-setup: move it away first")
    return text is not None


def write(host, name, text, mode):
    path = host.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.chmod(mode)
    new.replace(path)


def link(host, name, target):
    path = host.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def run(*argv):
    if subprocess.run(argv, check=False).returncode:
        raise Refused(f"{' '.join(argv)} failed; nothing after it was done. Mend it and run host-setup again: what is done is not done twice")


def host_apply(host, *words):
    """As boot will do it."""
    run("/bin/sh", str(host.path(HOST_APPLY)), *([] if str(host.root) == "/" else ["--root", str(host.root)]), *words)


def release(host, addresses):
    """NICs that the new configuration does not name."""
    name = "/run/mcswitch-host.released"
    write(host, name, "".join(f"nic {address}\n" for address in addresses), 0o644)
    try:
        host_apply(host, "stop", name)
    finally:
        remove(host, name)


def reload(host):
    """systemd and udev, where they are, read their files; not in a tree."""
    if str(host.root) != "/":
        return
    for argv in (("systemctl", "daemon-reload"), ("udevadm", "control", "--reload"), ("udevadm", "trigger", "--subsystem-match=vfio")):
        if shutil.which(argv[0]):
            subprocess.run(argv, check=False, capture_output=True)


def remove(host, name):
    host.path(name).unlink()


def live(host):
    """Is the host now as host.conf on it says?"""
    return host.exists(HOST_CONF) and not list(hardware.host_drift(host))


def steps_apply(host, setup, args):
    addresses = nics(host, setup, args.force)
    wanted = files(hugepages(host, setup, args.hugepages), addresses)
    changed = False
    dropped = [one for one in host_wants(host)[1] if one not in addresses and host.exists(f"{hardware.PCI}/{one}")]
    if ours(host, HOST_CONF) and host.exists(HOST_APPLY) and dropped:
        yield f"give {', '.join(dropped)} back to the kernel", lambda: release(host, dropped)
    for name, (text, mode) in wanted.items():
        if ours(host, name) and host.path(name).read_text() == text and host.path(name).stat().st_mode & 0o777 == mode:
            continue
        changed = True
        shown = "" if name == HOST_APPLY else "".join(f"\n    {line}" for line in text.splitlines() if not line.startswith("#"))
        yield f"write {name}{shown}", lambda name=name, text=text, mode=mode: write(host, name, text, mode)
    if not host.path(HOST_ENABLED).is_symlink():
        changed = True
        yield "enable mcswitch-host.service", lambda: link(host, HOST_ENABLED, HOST_UNIT)
    if changed or not live(host):
        yield "have systemd and udev read their files, and run host-apply start", lambda: (reload(host), host_apply(host, "start"))


def steps_undo(host):
    there = [name for name in EVERY_FILE if ours(host, name)]
    if HOST_CONF in there and HOST_APPLY in there:
        yield "run host-apply stop: NICs back to the kernel, hugepages as they were", lambda: host_apply(host, "stop")
    if host.path(HOST_ENABLED).is_symlink():
        yield "disable mcswitch-host.service", lambda: remove(host, HOST_ENABLED)
    for name in there:
        yield f"remove {name}", lambda name=name: remove(host, name)
    if there:
        yield "have systemd and udev read their files", lambda: reload(host)


def advise(host, setup):
    """What a reboot or the firmware has to do, so what host-setup does not: the doctor's words."""
    for check in (hardware.iommu, hardware.cores, hardware.numa):
        for found in check(host, setup):
            one = Finding(*found) if isinstance(found, tuple) else Finding(found)
            if one.id != "no-vfio-pci":
                print(f"advice: {one.text}\n        {one.mend}")


def main():
    args = arguments()
    host = Host(args.root)
    try:
        setup = Setup(host, args.config, args.lcores)
        if args.config and not setup.has_yaml:
            raise Refused("python3-yaml is missing, so the configuration cannot be read: apt-get install python3-yaml")
        steps = list(steps_undo(host) if args.undo else steps_apply(host, setup, args))
        for words, act in steps:
            print(words if args.apply else f"would {words}", flush=True)
            if args.apply:
                act()
        if not args.undo:
            advise(host, setup)
    except (ValueError, Refused) as error:
        print(f"host-setup: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"host-setup: {error.filename}: {error.strerror}{'; run it as root' if isinstance(error, PermissionError) else ''}", file=sys.stderr)
        return 1
    if not steps:
        print("nothing to do" if not args.undo else "nothing to undo")
    elif not args.apply:
        print("nothing was changed; --apply does it")
    return 1 if steps and not args.apply else 0


if __name__ == "__main__":
    sys.exit(main())
