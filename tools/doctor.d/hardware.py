# SPDX-License-Identifier: BSD-3-Clause
"""Memory, NICs and processors."""
import re

from host import HOST_CONF, HOST_ENABLED, cpu_list, cpus, host_wants

HUGE = "/sys/kernel/mm/hugepages"
NODES = "/sys/devices/system/node"
CPUS = "/sys/devices/system/cpu"
PCI = "/sys/bus/pci/devices"

# Kernel drivers of NICs that DPDK drives beside the kernel (the ibverbs kind): nothing is bound.
BIFURCATED = {"mlx4_core", "mlx5_core", "mana"}
UIO = {"igb_uio", "uio_pci_generic"}

# What the daemon takes (app/mcswitch/main.c): frame buffers of about 2.5 KiB, and room for tables and rings.
MBUFS_BASE, MBUFS_A_DEVICE, MBUF_BYTES, TABLES_MIB = 16384, 4096, 2560, 32


def wanted_mib(setup):
    return (MBUFS_BASE + MBUFS_A_DEVICE * setup.n_devices()) * MBUF_BYTES // 2**20 + TABLES_MIB


def page_kib(name):
    return int(re.search(r"(\d+)kB", name).group(1))


def free_mib(host, directory):
    return sum(host.number(f"{directory}/{name}/free_hugepages") * page_kib(name) for name in host.names(directory, "hugepages-*")) // 1024


def reserved(host, directory):
    return sum(host.number(f"{directory}/{name}/nr_hugepages") for name in host.names(directory, "hugepages-*"))


def nodes(host):
    """{node: its processors}; one node where the kernel knows none."""
    found = {int(name[4:]): cpus(host.text(f"{NODES}/{name}/cpulist", "")) for name in host.names(NODES, "node[0-9]*")}
    return found or {0: cpus(host.text(f"{CPUS}/online", "0"))}


def node_of_nic(host, address):
    return host.number(f"{PCI}/{address}/numa_node", -1)


def nodes_in_use(host, setup):
    """{node: why}: where workers and NICs are; and the control lcore, on whose node DPDK keeps what it shares, or panics."""
    used = {}
    for name, address in setup.uplinks():
        if node_of_nic(host, address) >= 0:
            used.setdefault(node_of_nic(host, address), f"uplink {name} is")
    for node, processors in nodes(host).items():
        if set(processors) & set(setup.workers):
            used.setdefault(node, "a worker is")
        if setup.control in processors:
            used.setdefault(node, "the control lcore is")
    return used


def hugepages(host, setup):
    mib = wanted_mib(setup)
    fields = {"mib": mib, "pages": -(-mib // 2)}
    if "--no-huge" in setup.eal:
        return
    if reserved(host, HUGE) == 0:
        yield "no-hugepages", fields
        return
    free = free_mib(host, HUGE)
    running = any("mcswitch" in argv[0].rsplit("/", 1)[-1] for _, argv in host.processes())
    if free < mib and not running:  # a running switch has taken its own
        total = sum(host.number(f"{HUGE}/{name}/nr_hugepages") * page_kib(name) // 2048 for name in host.names(HUGE, "hugepages-*"))
        yield "few-hugepages", {**fields, "free_mib": free, "pages": total + -(-(mib - free) // 2)}
    if len(nodes(host)) > 1:
        for node, what in sorted(nodes_in_use(host, setup).items()):
            if reserved(host, f"{NODES}/node{node}/hugepages") == 0:
                yield "node-without-hugepages", {**fields, "node": node, "what": what}


def driver_of(host, address):
    return host.link(f"{PCI}/{address}/driver")


def iommu(host, setup):
    drivers = {driver_of(host, address) for _, address in setup.uplinks()}
    if not setup.uplinks() or drivers <= BIFURCATED | UIO:
        return
    noiommu = host.text("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N") in ("Y", "1")
    if noiommu:
        yield "unsafe-noiommu"
    elif not host.names("/sys/class/iommu"):
        amd = "AuthenticAMD" in host.text("/proc/cpuinfo", "")
        yield "no-iommu", {"iommu_on": "amd_iommu=on" if amd else "intel_iommu=on"}
    if not host.exists("/sys/bus/pci/drivers/vfio-pci"):
        yield "no-vfio-pci"


def nic_binding(host, name, address, driver):
    interfaces = host.names(f"{PCI}/{address}/net")
    fields = {"uplink": name, "address": address, "driver": driver or "no driver",
              "interface": f" (interface {', '.join(interfaces)})" if interfaces else ""}
    if driver in UIO:
        yield "nic-uio", fields
        return
    up = [one for one in interfaces if host.text(f"{PCI}/{address}/net/{one}/operstate") == "up"]
    if up:
        yield "nic-in-use", {**fields, "interface": up[0]}
    else:
        yield "nic-not-bound", fields


def nic_group(host, name, address):
    """Of a device on vfio-pci: everything in its group must be there, and the group must be ours to open."""
    group = host.link(f"{PCI}/{address}/iommu_group")
    if group is None:
        return
    for other in host.names(f"/sys/kernel/iommu_groups/{group}/devices"):
        driver = driver_of(host, other)
        # Bridges of the PCI bus stay with the kernel's own driver.
        if other != address and driver not in (None, "vfio-pci", "pcieport", "pci-stub"):
            yield "nic-group", {"uplink": name, "address": address, "other": other, "driver": driver}
    device = host.path(f"/dev/vfio/{group}")
    gid = group_id(host, "mcswitch")
    if gid is not None and device.exists():
        status = device.stat()
        if not (status.st_gid == gid and status.st_mode & 0o060 == 0o060) and not status.st_mode & 0o006 == 0o006:
            yield "vfio-permission", {"uplink": name, "device": f"/dev/vfio/{group}"}


def group_id(host, name):
    found = re.search(rf"^{re.escape(name)}:[^:]*:(\d+):", host.text("/etc/group", ""), re.M)
    return int(found.group(1)) if found else None


def nics(host, setup):
    for name, address in setup.uplinks():
        driver = driver_of(host, address)
        if not host.exists(f"{PCI}/{address}"):
            yield "nic-missing", {"uplink": name, "address": address}
        elif driver == "vfio-pci":
            yield from nic_group(host, name, address)
        elif driver not in BIFURCATED:
            yield from nic_binding(host, name, address, driver)


def host_drift(host):
    """Where the host is not as host.conf says: in words."""
    pages, addresses = host_wants(host)
    for node, size, count in pages:
        directory = f"{NODES}/node{node}/hugepages" if host.exists(f"{NODES}/node{node}/hugepages") else HUGE
        there = host.number(f"{directory}/hugepages-{size}kB/nr_hugepages")
        if there < count:
            yield f"{count} hugepages of {size} kB on node {node}, and there are {there}"
    for address in addresses:
        if driver_of(host, address) != "vfio-pci":
            yield f"{address} on vfio-pci, and it has {driver_of(host, address) or 'no driver'}"


def host_setup(host, setup):
    """What tools/host-setup made, where it did."""
    del setup
    if not host.exists(HOST_CONF):
        return
    for what in host_drift(host):
        yield "host-drift", {"what": what}
    if not host.path(HOST_ENABLED).is_symlink():
        yield "host-not-enabled"


def siblings(host, core):
    return cpus(host.text(f"{CPUS}/cpu{core}/topology/thread_siblings_list", str(core)))


def whole_cores(host, among, n):
    """The first n processors of different cores, as a list for -l."""
    found = []
    for core in among:
        if not set(siblings(host, core)) & set(found):
            found.append(core)
    return cpu_list(found[:n] if len(found) >= n else among[:n])


def cores(host, setup):
    online = cpus(host.text(f"{CPUS}/online", "0"))
    isolated = cpus(host.text(f"{CPUS}/isolated", ""))
    used = [] if setup.control is None else [setup.control, *setup.workers]
    for core in used:
        if core not in online:
            yield "core-missing", {"core": core, "online": cpu_list(online)}
    workers = [core for core in setup.workers if core in online]
    shared = [core for core in workers if core not in isolated]
    if shared:
        yield "core-not-isolated", {"cores": cpu_list(shared)}
    better = whole_cores(host, online, len(used))
    for core in workers:
        for other in siblings(host, core):
            if other == core or (other in workers and other < core):
                continue
            what = "a worker" if other in workers else "the control lcore" if other == setup.control else "not isolated"
            if what != "not isolated" or other not in isolated:
                yield "core-sibling", {"core": core, "sibling": other, "what": what, "better": better}
        governor = host.text(f"{CPUS}/cpu{core}/cpufreq/scaling_governor", "performance")
        if governor != "performance":
            yield "core-governor", {"core": core, "governor": governor}


def numa(host, setup):
    known = nodes(host)
    near = {node for node, processors in known.items() if set(processors) & set(setup.workers)}
    if len(known) < 2 or not near:
        return
    for name, address in setup.uplinks():
        node = node_of_nic(host, address)
        if node >= 0 and node not in near:
            yield "nic-far", {"uplink": name, "node": node,
                              "better": whole_cores(host, known.get(node, []), 1 + len(setup.workers))}
    for pid, guest, node in guest_memory(host):
        if node not in near:
            yield "guest-far", {"guest": guest, "pid": pid, "node": node, "wanted": min(near)}


def guest_memory(host):
    """(pid, name, node) of QEMU's processes: the node that holds most of the memory that is shared with us."""
    from guests import guest_name, is_qemu
    for pid, argv in host.processes():
        if not is_qemu(argv):
            continue
        pages = {}
        for line in host.text(f"/proc/{pid}/numa_maps", "").splitlines():
            if re.search(r"file=\S*(memfd|hugepages|/dev/shm)", line):
                for node, n in re.findall(r"\bN(\d+)=(\d+)", line):
                    pages[int(node)] = pages.get(int(node), 0) + int(n)
        if pages:
            yield pid, guest_name(argv), max(pages, key=pages.get)
