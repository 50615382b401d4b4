# SPDX-License-Identifier: BSD-3-Clause
"""What one run sets up: guests, frames, and what else goes on."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    """The defaults are the plain case: every guest joins every group, net_pcap floods them."""

    n: int = 8  # guests
    size: int = 64  # octets of a frame, without the FCS
    groups: int = 256  # that every guest joins
    name: str = "matrix"
    variant: str = "plain"
    frames: int = 0  # of the source; 0: one a group
    members: int | None = None  # guests that join; None: all
    vlan: int = 0  # of all guests; the source's frames carry its tag
    trunk_from: int | None = None  # guests from this one on are trunks; None: all are access ports
    source_specific: bool = False  # guests join INCLUDE {source}; every 16th frame comes from another one
    unicast: bool = False  # every other frame of net_pcap is unicast to guest 0
    fast_leave: bool = False
    feed: str = ""  # who sends: "" net_pcap as fast as it can; "uplink" or "guest": the sink's feeder
    feed_rate: int = 0  # frames/s; 0: as fast as they are taken
    feed_to: int | None = None  # unicast to this guest
    churn: int = 0  # joins and leaves a second
    probe: str = ""  # latency | joins
    sleep_us: int = 0  # the sink's, between polls
    yields: bool = False  # the sink lets the control lcore, on the same core, go first
    workers: int = 1
    join_every_s: int = 10
    report_gap_us: int = 2000

    @property
    def n_frames(self):
        return self.frames or self.groups

    @property
    def stride(self):
        """Between the numbers of two frames: they are spread over all groups."""
        return max(1, self.groups // self.n_frames)

    @property
    def period(self):
        return min(self.groups, self.n_frames)

    def number(self, i):
        """The number of the source's frame i, and so its group."""
        return i * self.stride % self.groups

    def sink_arguments(self, feed_socket):
        """What the null guests' process is told beyond sockets, guests, groups and seconds."""
        argv = ["--stride", str(self.stride), "--join-every", str(self.join_every_s), "--report-gap-us", str(self.report_gap_us)]
        if self.members is not None:
            argv += ["--members", str(self.members)]
        if self.source_specific:
            argv += ["--source-specific"]
        if self.trunk_from is not None:
            argv += ["--vlan", str(self.vlan), "--trunk-from", str(self.trunk_from)]
        if self.feed:
            argv += ["--feed", feed_socket, "--feed-frames", str(self.n_frames), "--feed-size", str(self.size)]
            argv += ["--feed-rate", str(self.feed_rate)]
        if self.feed_to is not None:
            argv += ["--feed-to", str(self.feed_to)]
        if self.churn:
            argv += ["--churn", str(self.churn)]
        if self.probe:
            argv += ["--probe", self.probe]
        if self.probe == "latency":
            argv += ["--pause-ns", "0"]
        if self.yields:
            argv += ["--yield"]
        if self.sleep_us:
            argv += ["--sleep-us", str(self.sleep_us)]
        return argv

    @property
    def n_memberships(self):
        return self.groups * (self.n if self.members is None else self.members)
