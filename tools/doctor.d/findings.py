# SPDX-License-Identifier: BSD-3-Clause
"""Everything that the doctor can say: id -> (severity, what is wrong, the command that mends it)."""
from host import host_data

# Comments of the data do not go on a command line.
VFIO_RULE = next(line for line in host_data("60-mcswitch.rules").splitlines() if not line.startswith("#"))
VFIO_MODULE = next(line for line in host_data("modules-load.conf").splitlines() if not line.startswith("#"))
SET_LCORES = r"sed -i -E 's/^(MCSWITCH_EAL=.*-l )[0-9,-]+/\1LIST/' /etc/default/mcswitch   # and restart the switch"
DROP_IN = "/etc/systemd/system/mcswitch.service.d"

FINDINGS = {
    # hugepages
    "no-hugepages": (
        "error", "no hugepages are reserved",
        "echo {pages} > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages   # or start with --no-huge -m {mib}"),
    "few-hugepages": (
        "warning", "{free_mib} MiB of hugepages are free, and this configuration wants about {mib} MiB",
        "echo {pages} > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"),
    "node-without-hugepages": (
        "warning", "node {node}, where {what}, has no hugepages of its own",
        "echo {pages} > /sys/devices/system/node/node{node}/hugepages/hugepages-2048kB/nr_hugepages"),
    # IOMMU and vfio
    "no-iommu": (
        "error", "there is no IOMMU, and NICs are to be driven through vfio",
        "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&{iommu_on} iommu=pt /' /etc/default/grub && update-grub   # and reboot; VT-d or AMD-Vi "
        "must be on in the firmware"),
    "unsafe-noiommu": (
        "warning", "vfio runs without an IOMMU (enable_unsafe_noiommu_mode): a NIC can write to all of memory",
        "echo N > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode   # and switch the IOMMU on"),
    "no-vfio-pci": (
        "error", "the module vfio-pci is not loaded",
        f"modprobe {VFIO_MODULE} && echo {VFIO_MODULE} > /etc/modules-load.d/mcswitch.conf"),
    # NICs
    "nic-missing": (
        "error", "uplink {uplink}: there is no PCI device {address}",
        "dpdk-devbind.py --status-dev net   # lists what there is"),
    "nic-not-bound": (
        "error", "uplink {uplink}: {address} belongs to {driver}{interface}, so DPDK cannot drive it",
        "dpdk-devbind.py --bind=vfio-pci {address}"),
    "nic-in-use": (
        "error", "uplink {uplink}: {address} is interface {interface} of the kernel, and it is up",
        "ip link set {interface} down && dpdk-devbind.py --bind=vfio-pci {address}   # ends what this host itself does by it"),
    "nic-uio": (
        "warning", "uplink {uplink}: {address} is bound to {driver}, which knows no IOMMU and wants root",
        "dpdk-devbind.py --bind=vfio-pci {address}"),
    "nic-group": (
        "error", "uplink {uplink}: {other} shares the IOMMU group of {address} and belongs to {driver}, so vfio refuses the group",
        "dpdk-devbind.py --bind=vfio-pci {other}"),
    "vfio-permission": (
        "error", "uplink {uplink}: {device} is not for user mcswitch",
        f"echo '{VFIO_RULE}' > /etc/udev/rules.d/60-mcswitch.rules && "
        "udevadm control --reload && udevadm trigger --subsystem-match=vfio"),
    # what tools/host-setup made
    "host-drift": (
        "warning", "/etc/mcswitch/host.conf asks for {what}",
        "systemctl restart mcswitch-host   # or, where the NIC or memory is needed otherwise, tools/host-setup --undo --apply"),
    "host-not-enabled": (
        "warning", "mcswitch-host.service is not enabled, so after a reboot hugepages and NICs are not the switch's",
        "systemctl enable mcswitch-host"),
    # cores and NUMA
    "core-missing": (
        "error", "lcore {core} of -l is not an online processor",
        SET_LCORES.replace("LIST", "{online}")),
    "core-not-isolated": (
        "warning", "workers poll on processors {cores}, where the kernel schedules other work too",
        "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&isolcpus={cores} nohz_full={cores} rcu_nocbs={cores} /' /etc/default/grub && update-grub"
        "   # and reboot"),
    "core-sibling": (
        "warning", "the worker on processor {core} shares its core with processor {sibling}, which is {what}",
        SET_LCORES.replace("LIST", "{better}")),
    "core-governor": (
        "warning", "the worker's processor {core} saves power ({governor}), so frames wait while it wakes",
        "echo performance > /sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor"),
    "nic-far": (
        "warning", "uplink {uplink} is on node {node}, and no worker is",
        SET_LCORES.replace("LIST", "{better}")),
    "guest-far": (
        "warning", "the memory of {guest} (process {pid}) is on node {node}, and no worker is",
        "numactl --membind={wanted} --cpunodebind={wanted} qemu-system-x86_64 ...   # libvirt: <numatune><memory mode='strict' "
        "nodeset='{wanted}'/></numatune>"),
    # software
    "configuration-wrong": ("error", "{why}", "mcswitch -- --check --config {path}"),
    "no-yaml": (
        "warning", "python3-yaml is missing, so NICs and sockets of the configuration cannot be looked at",
        "apt-get install python3-yaml"),
    "no-dpdk": ("error", "DPDK is not installed", "apt-get install dpdk librte-meta-net librte-meta-bus librte-meta-mempool"),
    "dpdk-flaw": (
        "{severity}", "DPDK {version} lacks the fix of {id}: {what}; {defence}", "{mend}"),
    "qemu-user-group": (
        "warning", "user {user} runs guests and is not in group {group}, so it cannot reach their sockets",
        "usermod -a -G {group} {user}"),
    "service-other-limits": (
        "error", "the service may lock {limit} of memory, and vfio wants to lock all of the switch's",
        f"install -d {DROP_IN} && printf '[Service]\\nLimitMEMLOCK=infinity\\n' > {DROP_IN}/memlock.conf && systemctl daemon-reload"),
    # sockets
    "socket-directory": ("error", "{what}: the directory {directory} does not exist", "install -d -m 2770 -o mcswitch -g {group} {directory}"),
    "socket-open": ("error", "{what}: everybody may write to {path} (mode {mode})", "chmod 660 {path}"),
    "socket-directory-open": ("error", "{what}: everybody may put files into {directory} (mode {mode})", "chmod o-w {directory}"),
    "socket-no-socket": ("error", "{what}: {path} exists and is no socket", "rm -i {path}"),
    "socket-absent": ("warning", "{what}: QEMU owns {path} (mode: client), and it is not there", "{start}"),
    # QEMU
    "qemu-not-shared": (
        "error", "{guest} (process {pid}): its memory is not shared, so no frame can reach it",
        "qemu-system-x86_64 ... -object memory-backend-memfd,id=mem,size={size},share=on -machine memory-backend=mem   # libvirt: "
        "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"),
    "qemu-memory-unused": (
        "error", "{guest} (process {pid}): the shared memory {id} is not the machine's memory",
        "qemu-system-x86_64 ... -machine memory-backend={id}"),
    "qemu-socket-unknown": (
        "warning", "{guest} (process {pid}): {path} is the socket of no guest of the configuration",
        "mcctl guest add {guest}={path}"),
    "qemu-both-serve": (
        "error", "{guest} (process {pid}): QEMU and the switch both want to own {path}",
        "qemu-system-x86_64 ... -chardev socket,id={chardev},path={path},reconnect=1   # or mode: client in the configuration"),
    "qemu-nobody-serves": (
        "error", "{guest} (process {pid}): neither QEMU nor the switch owns {path}",
        "qemu-system-x86_64 ... -chardev socket,id={chardev},path={path},server=on,wait=off   # or mode: server in the configuration"),
    "qemu-no-reconnect": (
        "warning", "{guest} (process {pid}): it does not come back when the switch restarts",
        "qemu-system-x86_64 ... -chardev socket,id={chardev},path={path},reconnect=1   # libvirt: <reconnect enabled='yes' timeout='1'/>"),
    "qemu-vectors": (
        "error", "{guest} (process {pid}): without KVM, QEMU 7.2 crashes when a vhost-user card uses MSI-X",
        "qemu-system-x86_64 ... -device virtio-net-pci,netdev={netdev},vectors=0"),
    # the doctor
    "unreadable": ("warning", "{check} could not be looked at: {why}", "sudo tools/doctor --check {check}"),
}


class Finding:
    """One row of FINDINGS with its fields filled in."""

    def __init__(self, finding_id, fields=None):
        severity, text, mend = FINDINGS[finding_id]
        fields = fields or {}
        self.id = finding_id
        self.severity, self.text, self.mend = (part.format(**fields) for part in (severity, text, mend))
