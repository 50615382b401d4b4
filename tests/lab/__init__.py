# SPDX-License-Identifier: BSD-3-Clause
"""
The laboratory: what tests and tools/quickstart build a small network from.

    netns.py     namespaces, veth, and the kernel bridge that plays the physical switch
    switch.py    the daemon under test, and its client
    vguest.py    a guest without a machine: raw frames through a vhost-user socket
    vm.py        a guest that is a real Linux kernel in QEMU
    frames.py    frames to send, and predicates about frames received
    inbox.py     waiting for a frame, and proving that none came
    stream.py    numbered multicast datagrams at a rate, and what became of them
    query.py     a querier that asks at an interval
    process.py   processes, bounded waits, clean-up in reverse order

README.md says how to run each by hand. Python's standard library and scapy only.
"""
