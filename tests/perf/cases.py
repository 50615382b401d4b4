# SPDX-License-Identifier: BSD-3-Clause
"""
The named cases beside the matrix of N and size. Each is a generator: it yields (subject, Case), is sent the run that came of it, and
returns its figures. A figure is a dict that figure() makes; what it is to reach stands beside it.
"""

import statistics

from case import Case

N = 8
SIZE = 64


def figure(name, value, unit, target="", met=None, rfc=""):
    """met: True or False against the target, None if there is none or no value. rfc: the metric's name in RFC 3918."""
    return {"figure": name, "value": value, "unit": unit, "target": target, "met": None if value is None else met, "rfc": rfc}


def rate(run):
    """copies/s, or None if the run gave none."""
    samples = run.get("samples")
    return statistics.median(samples) if samples else None


def percentile(values, share):
    """The nearest-rank percentile: the smallest value with at least `share` of all values at or below it. None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    rank = -(-len(ordered) * round(share * 1e6) // 1000000)  # the ceiling, in integers
    return ordered[max(rank, 1) - 1]


def fall(before, after):
    """By which share `after` is below `before`; None without both."""
    return None if not before or after is None else 1 - after / before


def quotient(over, under):
    return None if over is None or not under else over / under


def at_most(name, value, unit, limit, text, **more):
    return figure(name, value, unit, text, value is not None and value <= limit, **more)


def at_least(name, value, unit, limit, text, **more):
    return figure(name, value, unit, text, value is not None and value >= limit, **more)


def millions(value):
    return None if value is None else value / 1e6


def lost(run):
    """Frames that the switch was fed or should have sent to a guest, and that did not get there; None if the run does not tell."""
    ports = {row["name"]: row for row in run.get("facts", {}).get("ports", [])}
    if "up0" not in ports or "fed" not in run:
        return None
    return run["fed"] - ports["up0"]["rx_packets"] + sum(row["tx_dropped"] for name, row in ports.items() if name.startswith("g"))


def frames_a_second(copies, n, share):
    """The source's rate at a share of what N guests got together."""
    return max(1, int(copies * share / n))


def groups(options):
    """The same 4,096 frames, spread over ever more groups that all guests have joined."""
    figures, first = [], None
    for n_groups in (1, 65536) if options.quick else (1, 256, 4096, 65536):
        case = Case(n=N, groups=n_groups, frames=4096, name="groups", variant=f"{n_groups} groups", yields=True, join_every_s=120, report_gap_us=500)
        got = rate((yield "mcswitch", case))
        first = first if n_groups > 1 else got
        figures.append(figure(f"copies/s, {n_groups} groups joined by {N} guests", millions(got), "M/s", rfc="scaled group forwarding"))
        last = fall(first, got)
    figures.append(at_most("fall from 1 to 65,536 groups", last, "share", 0.15, "15 % or less"))
    return figures


def large(_options):
    """A million memberships: 16 guests in 62,500 groups."""
    n, n_groups = 16, 62500
    case = Case(n=n, groups=n_groups, frames=4096, name="large", variant="1,000,000 rows", yields=True, join_every_s=120, report_gap_us=500)
    run = yield "mcswitch", case
    grown = run.get("grown_kib")
    return [
        figure("(port, group) rows", run.get("n_joined"), "rows", "1,000,000", run.get("n_joined", 0) >= n * n_groups,
               rfc="multicast group capacity"),
        at_most("memory that they take", None if grown is None else grown / 1024, "MiB", 256, "256 MB"),
        figure("copies/s meanwhile, 16 guests", millions(rate(run)), "M/s"),
    ]


def churn(_options):
    """Joins and leaves of other groups while the stream is forwarded."""
    plain = rate((yield "mcswitch", Case(name="churn", yields=True)))
    moved = rate((yield "mcswitch", Case(name="churn", yields=True, variant="10,000 joins and leaves/s", churn=10000)))
    limit = rate((yield "mcswitch", Case(name="churn", yields=True, variant="fed, all it takes", feed="uplink")))
    half = {}
    if limit:
        half = yield "mcswitch", Case(name="churn", yields=True, variant="fed at half, 10,000 joins and leaves/s", feed="uplink",
                                      feed_rate=frames_a_second(limit, N, 0.5), churn=10000)
    return [
        figure("copies/s", millions(plain), "M/s"),
        figure("copies/s with 10,000 joins and leaves a second", millions(moved), "M/s"),
        at_most("fall", fall(plain, moved), "share", 0.03, "3 % or less"),
        at_most("frames lost by steady members at half load", lost(half), "frames", 0, "none"),
    ]


def throughput(_options):
    """The highest rate without loss, from what it takes downwards in steps of a tenth (RFC 2544, 26.1)."""
    run = yield "mcswitch", Case(name="throughput", variant="fed, all it takes", feed="uplink")
    limit, best, share = rate(run), None, 1.0
    while limit and best is None and share > 0.45:
        if lost(run) == 0:
            best = rate(run)
            break
        share -= 0.1
        run = yield "mcswitch", Case(name="throughput", variant=f"fed at {share * 100:.0f} %", feed="uplink",
                                     feed_rate=frames_a_second(limit, N, share))
    mixed = rate((yield "mcswitch", Case(name="throughput", variant="every other frame unicast", unicast=True)))
    return [
        figure(f"copies/s without loss, {N} guests", millions(best), "M/s", rfc="aggregated multicast throughput"),
        figure("frames/s delivered, every other one unicast to one guest", millions(mixed), "M/s", rfc="mixed class throughput"),
    ]


def mixed(_options):
    """Half the guests access ports, half trunks; all join with a source, and every 16th frame comes from another one."""
    plain = rate((yield "mcswitch", Case(name="mixed")))
    case = Case(name="mixed", variant="trunk and access, (S,G)", vlan=20, trunk_from=N // 2, source_specific=True)
    got = rate((yield "mcswitch", case))
    return [
        figure("copies/s, plain", millions(plain), "M/s"),
        figure("copies/s, trunk and access, (S,G)", millions(got), "M/s"),
        at_least("of the plain case", quotient(got, plain), "share", 0.8, "80 % or more"),
    ]


def to_uplink(run):
    """Copies that the uplink took for each that a guest got."""
    ports = run.get("facts", {}).get("ports", [])
    guests = sum(row["tx_packets"] for row in ports if row["name"] in [f"g{i}" for i in range(run.get("n", 0))])
    uplink = sum(row["tx_packets"] for row in ports if row["name"] == "up0")
    return uplink / guests if guests else 0


def guest(_options):
    """One guest sends, seven others and the uplink get it."""
    plain = rate((yield "mcswitch", Case(name="guest")))
    run = yield "mcswitch", Case(n=N - 1, name="guest", variant="from a guest", feed="guest")
    inside = rate(run)
    got = None if inside is None else inside * (1 + to_uplink(run))
    return [
        figure("copies/s from the uplink to 8 guests", millions(plain), "M/s"),
        figure("copies/s from a guest to 7 guests and the uplink", millions(got), "M/s"),
        at_least("of the uplink's", quotient(got, plain), "share", 0.7, "70 % or more"),
    ]


def unicast(_options):
    """Guest to guest."""
    got = {}
    for subject in ("mcswitch", "ovs"):
        case = Case(n=1, name="unicast", variant="guest to guest", feed="guest", feed_to=0)
        got[subject] = rate((yield subject, case))
    return [
        figure("frames/s, mcswitch", millions(got["mcswitch"]), "M/s"),
        figure("frames/s, OVS", millions(got["ovs"]), "M/s"),
        at_least("mcswitch/OVS", quotient(got["mcswitch"], got["ovs"]), "times", 1.5, "1.5 or more"),
    ]


def latency(_options):
    """From the uplink to the first and the last of 8 guests, at half of what OVS can."""
    limit = rate((yield "ovs", Case(name="latency")))
    runs, figures = {}, [figure("OVS's limit, copies/s", millions(limit), "M/s")]
    for subject in ("mcswitch", "ovs") if limit else ():
        case = Case(name="latency", variant="half of OVS's limit", feed="uplink", feed_rate=frames_a_second(limit, N, 0.5), probe="latency")
        runs[subject] = yield subject, case
    for share in (0.5, 0.99, 0.999):
        text = f"p{share * 100:g}"
        peer = percentile(runs.get("ovs", {}).get("last_ns"), share)
        own = percentile(runs.get("mcswitch", {}).get("last_ns"), share)
        figures.append(figure(f"to the last guest, {text}, OVS", None if peer is None else peer / 1000, "us"))
        name = f"to the last guest, {text}, mcswitch"
        if own is None or peer is None:
            figures.append(figure(name, None if own is None else own / 1000, "us", "below OVS's", rfc="multicast latency (max)"))
        else:
            figures.append(figure(name, own / 1000, "us", "below OVS's", own < peer, rfc="multicast latency (max)"))
    for subject, label in (("mcswitch", "mcswitch"), ("ovs", "OVS")):
        first = percentile(runs.get(subject, {}).get("first_ns"), 0.5)
        figures.append(figure(f"to the first guest, p50, {label}", None if first is None else first / 1000, "us", rfc="multicast latency (min)"))
        figures.append(figure(f"probes lost, {label}", runs.get(subject, {}).get("probes_lost"), "frames"))
    return figures


def delays(run, load, rfc):
    """The figures of joins and leaves in one run."""
    figures = []
    for what, values in (("join", run.get("join_ns")), ("leave", run.get("leave_ns"))):
        for share, limit, text in ((0.5, 200, "below 200 us"), (0.99, 2000, "below 2 ms")):
            ns = percentile(values, share)
            value = None if ns is None else ns / 1000
            met = value is not None and value < limit
            figures.append(figure(f"{what} delay, p{share * 100:g}, {load}", value, "us", text, met, rfc=rfc.format(what)))
    figures.append(figure(f"joins and leaves that never took effect, {load}", run.get("probes_lost"), "probes", "none", run.get("probes_lost") == 0))
    return figures


def join(_options):
    """A ninth guest joins and leaves groups of a stream that eight others get: report in to first frame, to last frame."""
    plain = Case(n=N + 1, groups=256, frames=16, members=N, name="join", yields=True, fast_leave=True, feed="uplink")
    limit = rate((yield "mcswitch", change(plain, variant="fed, all it takes")))
    light = yield "mcswitch", change(plain, variant="1 M frames/s", feed_rate=1000000, probe="joins")
    figures = delays(light, "1 M frames/s", "group {} delay")
    if limit:
        heavy = yield "mcswitch", change(plain, variant="90 %", feed_rate=frames_a_second(limit, N, 0.9), probe="joins")
        figures += delays(heavy, "at 90 % load", "forwarding-burdened {} delay")
    return figures


def change(case, **fields):
    return Case(**{**case.__dict__, **fields})


def workers(_options):
    """One hot group to 32 guests, whose polling is light, so that a second worker finds a core."""
    got = {}
    for n in (1, 2):
        case = Case(n=32, groups=1, frames=256, name="workers", variant=f"workers: {n}", sleep_us=50, workers=n)
        got[n] = rate((yield "mcswitch", case))
    return [
        figure("copies/s of one group, 1 worker", millions(got[1]), "M/s"),
        figure("copies/s of one group, 2 workers", millions(got[2]), "M/s"),
        at_least("2 workers / 1", quotient(got[2], got[1]), "times", 1.7, "1.7 or more"),
    ]


CASES = {
    "groups": groups,
    "large": large,
    "churn": churn,
    "throughput": throughput,
    "mixed": mixed,
    "guest": guest,
    "unicast": unicast,
    "latency": latency,
    "join": join,
    "workers": workers,
}
