# SPDX-License-Identifier: BSD-3-Clause
"""What the machine is, how idle it is, and whether a thread got the core it asked for."""

import os
import platform
import re
import subprocess
import time

HUGEPAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB"


def read(path, default=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return default


def output(*argv):
    """A command's standard output, or an empty string if it cannot run."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def cpu_times():
    """Per core of /proc/stat: ticks of all kinds, idle ticks, stolen ticks."""
    times = {}
    for line in read("/proc/stat").splitlines():
        match = re.match(r"cpu(\d+) (.*)", line)
        if match:
            ticks = [int(t) for t in match[2].split()]
            times[int(match[1])] = (sum(ticks[:8]), ticks[3] + ticks[4], ticks[7])
    return times


def shares(before, after, field):
    """The share of one field (1: idle, 2: stolen) between two cpu_times, the worst core's last, as {core: share}."""
    result = {}
    for core, new in after.items():
        total = new[0] - before[core][0]
        result[core] = (new[field] - before[core][field]) / total if total > 0 else 0.0
    return result


def idle(cores, seconds=1.0):
    """The share of time that the busiest of `cores` was idle, watched for `seconds`."""
    before = cpu_times()
    time.sleep(seconds)
    watched = shares(before, cpu_times(), 1)
    return min(watched.get(core, 0.0) for core in cores)


def wait_idle(cores, threshold, patience_s):
    """Watches until the cores are idle or patience ends; returns the last share seen."""
    deadline = time.monotonic() + patience_s
    while True:
        share = idle(cores)
        if share >= threshold or time.monotonic() > deadline:
            return share


def thread_times(pid):
    """{thread: (seconds on a core, seconds ready but waiting for one)} from /proc/PID/task/*/schedstat."""
    times = {}
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return times
    for thread in threads:
        fields = read(f"/proc/{pid}/task/{thread}/schedstat").split()
        if len(fields) == 3:
            times[thread] = (int(fields[0]) / 1e9, int(fields[1]) / 1e9)
    return times


def private_kib(pid):
    """A process's own resident memory: neither hugepages nor what guests share."""
    match = re.search(r"RssAnon:\s+(\d+)", read(f"/proc/{pid}/status"))
    return int(match[1]) if match else 0


def waiting_share(before, after, window_s):
    """How much of the window the busiest thread of a process, its worker, stood ready while another ran on its core."""
    busiest, waited = 0.0, 0.0
    for thread, new in after.items():
        old = before.get(thread, (0.0, 0.0))
        if new[0] - old[0] > busiest:
            busiest, waited = new[0] - old[0], new[1] - old[1]
    return waited / window_s


def cpuinfo(field):
    match = re.search(rf"^{field}\s*:\s*(.*)$", read("/proc/cpuinfo"), re.M)
    return match[1].strip() if match else "unknown"


def free_hugepages():
    return int(read(f"{HUGEPAGES}/free_hugepages", "0"))


def caches():
    base = "/sys/devices/system/cpu/cpu1/cache"
    found = []
    for index in sorted(os.listdir(base)) if os.path.isdir(base) else []:
        if index.startswith("index"):
            level = read(f"{base}/{index}/level").strip()
            kind = read(f"{base}/{index}/type").strip()
            if kind != "Instruction":
                found.append(f"L{level} {read(f'{base}/{index}/size').strip()}")
    return ", ".join(found)


def describe():
    """The machine and the versions that a result must name."""
    ovs = output("ovs-vsctl", "--version").splitlines()
    return {
        "cpu": cpuinfo("model name"),
        "cpu_family_model": f"{cpuinfo('cpu family')}/{cpuinfo('model')}",
        "mhz": cpuinfo("cpu MHz"),
        "caches": caches(),
        "cores": os.cpu_count(),
        "virtual": "hypervisor" in cpuinfo("flags").split(),
        "kernel": platform.release(),
        "memory_mib": int(read("/proc/meminfo", "MemTotal: 0").split()[1]) // 1024,
        "dpdk": output("pkg-config", "--modversion", "libdpdk").strip() or "unknown",
        "ovs": ovs[0].split()[-1] if ovs else "not installed",
    }
