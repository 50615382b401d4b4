# SPDX-License-Identifier: BSD-3-Clause
"""What the checks read: a host (or a tree that plays one), and how the switch is set up on it."""
import re
import shlex
from pathlib import Path

try:
    import yaml
except ImportError:
    yaml = None

PCI = re.compile(r"[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]$")
DEFAULTS = "/etc/default/mcswitch"
CONTROL_SOCKET = "/run/mcswitch/control.sock"

# What tools/host-setup makes, and the doctor looks at. The files' text is data: in the source tree, and as installed.
HOST_CONF = "/etc/mcswitch/host.conf"
HOST_APPLY = "/usr/local/lib/mcswitch/host-apply"
HOST_UNIT = "/etc/systemd/system/mcswitch-host.service"
HOST_ENABLED = "/etc/systemd/system/multi-user.target.wants/mcswitch-host.service"
HERE = Path(__file__).resolve().parent
HOST_DATA = (HERE.parent.parent / "drivers-config/host", HERE.parent / "host")


def host_data(name):
    """The text of a file of drivers-config/host."""
    return next(path / name for path in HOST_DATA if (path / name).exists()).read_text(encoding="utf-8")


def host_wants(host):
    """What host.conf asks for: ([(node, size in kB, count)], [address]); nothing where there is none."""
    rows = [line.split() for line in host.text(HOST_CONF, "").splitlines() if line.strip() and not line.startswith("#")]
    return ([(int(row[1]), int(row[2]), int(row[3])) for row in rows if row[0] == "hugepages" and len(row) == 4],
            [row[1] for row in rows if row[0] == "nic" and len(row) == 2])


def cpus(text):
    """"0-3,8" -> [0, 1, 2, 3, 8]; ValueError for anything else, such as EAL's "0@4"."""
    found = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return sorted(set(found))


def cpu_list(numbers):
    """[0, 1, 2, 5] -> "0-2,5"."""
    runs = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in runs)


class Host:
    """Files below a root. Symbolic links of /sys are only asked for their last name, so any tree will do."""

    def __init__(self, root="/"):
        self.root = Path(root)

    def path(self, name):
        return self.root / str(name).lstrip("/")

    def text(self, name, default=None):
        """Contents without the blanks around; default where there is no such file."""
        try:
            return self.path(name).read_text(errors="replace").strip()
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            return default

    def number(self, name, default=0):
        text = self.text(name)
        return int(text) if text not in (None, "") else default

    def names(self, directory, pattern="*"):
        """Names in a directory, in order."""
        return sorted(path.name for path in self.path(directory).glob(pattern))

    def link(self, name):
        """The last name of what a link points to, or None."""
        path = self.path(name)
        return Path(path.readlink()).name if path.is_symlink() else None

    def exists(self, name):
        return self.path(name).exists()

    def processes(self):
        """(pid, arguments) of what runs."""
        for name in self.names("/proc", "[0-9]*"):
            try:
                raw = self.path(f"/proc/{name}/cmdline").read_bytes()
            except OSError:  # it has ended
                continue
            if raw:
                yield int(name), raw.rstrip(b"\0").decode(errors="replace").split("\0")


class Setup:
    """How the switch is to run here: its configuration and the lcores. ValueError for what cannot be read."""

    def __init__(self, host, config=None, lcores=None):
        self.path, self.config = config, {}
        self.has_yaml = yaml is not None
        if config and yaml:
            try:
                self.config = yaml.safe_load(Path(config).read_text(encoding="utf-8")) or {}
            except (OSError, yaml.YAMLError) as error:
                raise ValueError(f"{config}: {error}") from error
            if not isinstance(self.config, dict):
                raise ValueError(f"{config}: not a mapping")
        self.eal = self._eal(host)
        self.control, self.workers = self._lcores(lcores or self._option("-l"))

    @staticmethod
    def _eal(host):
        found = re.findall(r"^MCSWITCH_EAL=(.*)$", host.text(DEFAULTS, ""), re.M)
        return shlex.split(" ".join(shlex.split(found[-1]))) if found else []

    def _option(self, name):
        return self.eal[self.eal.index(name) + 1] if name in self.eal[:-1] else None

    @staticmethod
    def _lcores(text):
        """(control, workers); None and nothing where they are not known. EAL's order, not sorted, decides."""
        if not text:
            return None, []
        try:
            numbers = [number for part in text.split(",") for number in cpus(part)]
        except ValueError as error:
            raise ValueError(f"lcores {text}: expected a list such as 2-5") from error
        return numbers[0], numbers[1:]

    def _rows(self, part):
        rows = self.config.get(part) or []
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def uplinks(self):
        """(name, PCI address) of those that are PCI devices."""
        return [(str(row.get("name")), str(row["device"])) for row in self._rows("uplinks") if PCI.match(str(row.get("device", "")))]

    def n_devices(self):
        return len(self._rows("uplinks")) + sum("device" in row for row in self._rows("guests"))

    def guests(self):
        """{socket: (name, mode)}"""
        return {str(row["socket"]): (str(row.get("name")), str(row.get("mode", "server")))
                for row in self._rows("guests") if row.get("socket")}

    def read_group(self):
        control = self.config.get("control")
        return control.get("read_group") if isinstance(control, dict) else None

    def control_socket(self):
        return str(self.config.get("control_socket") or CONTROL_SOCKET)
