# SPDX-License-Identifier: BSD-3-Clause
"""The configuration, the version of DPDK against what is known, users and groups."""
import json
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
# In the source tree, and as installed.
ADVISORIES = (HERE.parent.parent / "app/mcswitch/advisories.json", HERE.parent / "advisories.json")
DAEMONS = (HERE.parent.parent / "build/app/mcswitch/mcswitch", "/usr/sbin/mcswitch", "/usr/local/sbin/mcswitch")
QEMU_USERS = ("libvirt-qemu", "qemu")
GUESTS_GROUP = "mcswitch-guests"


def daemon():
    return shutil.which("mcswitch") or next((str(path) for path in DAEMONS if Path(path).exists()), None)


def configuration(host, setup):
    del host
    if not setup.path:
        return
    if not setup.has_yaml:
        yield "no-yaml"
    if daemon():
        done = subprocess.run([daemon(), "--", "--check", "--config", setup.path], capture_output=True, text=True, timeout=60, check=False)
        for line in done.stderr.splitlines() if done.returncode else ():
            yield "configuration-wrong", {"why": line.removeprefix("mcswitch: ").removeprefix("error: "), "path": setup.path}


def dpdk_version(host):
    """(version, package): of Debian's library, or of one that was built here."""
    package = None
    for line in host.text("/var/lib/dpkg/status", "").splitlines():
        if line.startswith("Package: "):
            package = line[9:]
        elif line.startswith("Version: ") and package and re.match(r"librte-vhost\d+$", package):
            return re.search(r"(\d+\.\d+(\.\d+)?)", line[9:].split(":")[-1]).group(1), package
    for directory in ("/usr/local/lib", "/usr/lib"):
        for path in sorted(host.path(directory).glob("**/pkgconfig/libdpdk.pc")):
            return re.search(r"^Version: (\S+)", path.read_text(), re.M).group(1), None
    return None, None


def lacks(advisory, version):
    """Is the version known to lack the fix? Of what was not looked at nothing is claimed."""
    branch, patch = ".".join(version.split(".")[:2]), int((version.split(".") + ["0"])[2])
    if branch in advisory["fixed"]:
        return patch < int(advisory["fixed"][branch].split(".")[2])
    return branch in advisory["present"] and patch <= int(advisory["present"][branch].split(".")[2])


def dpdk(host, setup):
    del setup
    version, package = dpdk_version(host)
    if version is None:
        yield "no-dpdk"
        return
    path = next(path for path in ADVISORIES if path.exists())
    for one in json.loads(path.read_text(encoding="utf-8"))["advisories"]:
        if not lacks(one, version):
            continue
        upgrade = f"apt-get update && apt-get install --only-upgrade {package}" if package else "build a newer release of the branch"
        branch = ".".join(version.split(".")[:2])
        fixed = one["fixed"].get(branch)
        yield "dpdk-flaw", {**one, "version": version, "severity": "error" if fixed else "warning",
                            "mend": f"{upgrade}   # {'fixed in ' + fixed if fixed else 'no fixed version is known yet; see docs/security.md'}"}


def service(host, setup):
    del setup
    users = {line.split(":")[0] for line in host.text("/etc/passwd", "").splitlines()}
    groups = {line.split(":")[0]: line.split(":")[3].split(",") for line in host.text("/etc/group", "").splitlines()
              if line.count(":") == 3}
    if GUESTS_GROUP in groups:
        for user in QEMU_USERS:
            if user in users and user not in groups[GUESTS_GROUP]:
                yield "qemu-user-group", {"user": user, "group": GUESTS_GROUP}
    for pid, argv in host.processes():
        if argv[0].rsplit("/", 1)[-1] == "mcswitch":
            found = re.search(r"^Max locked memory\s+(\S+)", host.text(f"/proc/{pid}/limits", ""), re.M)
            if found and found.group(1) != "unlimited" and host.names("/dev/vfio", "[0-9]*"):
                yield "service-other-limits", {"limit": f"{int(found.group(1)) // 2**20} MiB"}
