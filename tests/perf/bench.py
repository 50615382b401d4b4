#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The replication benchmark, see README.md. The subject runs on core 1, the null guests on core 0. Exit codes: 0 every figure counts;
1 some do not, and are marked so, or a check failed; 2 the machine cannot run it.
"""

import argparse
import collections
import json
import os
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
import machine
import plot
import publish
import report
from case import Case
from cases import CASES
from subjects import SINK_CORE, SUBJECTS, SUBJECT_CORE, BenchError, Process, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORES = (SINK_CORE, SUBJECT_CORE)
IDLE_MIN = 0.95  # of each core, before a run
WAITING_MAX = 0.02  # of the window, in which the worker was ready and did not run
STOLEN_MAX = 0.02  # of the window, in which the hypervisor ran something else
DRY_MAX = 0.02  # of the window, in which guests may have been without buffers: the sink, not the switch, was the limit
MISSED_MAX = 0.02  # of the frames of a source with a pace, that it could not offer in time
WARM_UP_S = 1.0
JOIN_LIMIT_S = 90.0
HUGEPAGES_MIN = 1280  # of 2 MiB, free: OVS takes 1,024 MiB and some

Place = collections.namedtuple("Place", "build work")


def number_list(text):
    return [int(part) for part in text.split(",")]


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description="copies/s of mcswitch, OVS-DPDK, and the limits L and M")
    parser.add_argument("--n", type=number_list, default=[1, 4, 8, 16, 32], help="guests (1,4,8,16,32)")
    parser.add_argument("--size", type=number_list, default=[64, 512, 1500], help="frame sizes, bytes (64,512,1500)")
    parser.add_argument("--subjects", default="mcswitch,ovs,L,M", help="of mcswitch,ovs,L,M (all)")
    parser.add_argument("--seconds", type=int, default=5, help="one-second samples a run (5)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each cell (3)")
    parser.add_argument("--retry", type=int, default=1, help="further attempts at a run that does not count (1)")
    parser.add_argument("--groups", type=int, default=256, help="groups and frames of the source (256)")
    parser.add_argument("--case", default="matrix", help=f"of matrix,{','.join(CASES)}, or all (matrix: N x size)")
    parser.add_argument("--add", action="store_true", help="keep what results.json has of other cases")
    parser.add_argument("--publish", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("--quick", action="store_true", help="N=8, 64 B, one repeat, samples of three seconds")
    parser.add_argument("--verify", action="store_true", help="check payload, order and membership instead of measuring")
    parser.add_argument("--hugetlb", action="store_true", help="huge pages for guest memory")
    parser.add_argument("--idle-wait", type=float, default=30, help="seconds to wait for an idle machine before a run (30)")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="meson's build directory (build)")
    options = parser.parse_args(argv)
    if options.quick:
        options.n, options.size, options.repeat, options.seconds = [8], [64], 1, min(options.seconds, 3)
    if options.verify:
        options.repeat, options.retry = 1, 0
    options.case = ["matrix", *CASES] if options.case == "all" else options.case.split(",")
    unknown = [name for name in options.case if name != "matrix" and name not in CASES]
    if unknown:
        parser.error(f"no such case: {unknown[0]} (there are matrix, {', '.join(CASES)}, and all)")
    unknown = [name for name in options.subjects.split(",") if name not in SUBJECTS]
    if unknown:
        parser.error(f"no such subject: {unknown[0]} (there are {', '.join(SUBJECTS)})")
    if not all(1 <= n <= 64 for n in options.n) or not all(64 <= size <= 1518 for size in options.size):
        parser.error("1 to 64 guests and frames of 64 to 1518 bytes")
    if not 2 <= options.groups <= 4096 or options.seconds < 1 or options.repeat < 1:
        parser.error("2 to 4096 groups, at least one second and one repeat")
    return options


class Sink:
    """The null guests' process of one run."""

    def __init__(self, subject, case, options):
        argv = [os.path.join(options.build, "tests/perf/nullguest"), "--sockets", subject.sockets(), "-n", str(case.n)]
        argv += ["--seconds", str(options.seconds), "--cpu", str(SINK_CORE), "--hold", "--linger"]
        argv += case.sink_arguments(subject.feed_socket())
        n_joined = case.groups
        if options.verify and case.feed_to is None:
            # Half the groups: a frame of another one would be a leak, and the order is that of the joined ones.
            n_joined = subject.source_period or (case.groups + 1) // 2
        if options.verify:
            argv += ["--verify", str(min(n_joined, subject.source_period or case.period))]
        argv += ["--groups", str(n_joined)]
        if options.hugetlb:
            argv.append("--hugetlb")
        self.n_memberships = n_joined * (case.n if case.members is None else case.members)
        self.seconds = options.seconds
        self.summary_path = os.path.join(subject.dir, "nullguest.json")
        with open(self.summary_path, "wb") as out:
            self.process = Process("nullguest", argv, os.path.join(subject.dir, "nullguest.log"), stdout=out)

    def measure(self, processes):
        os.kill(self.process.pid, signal.SIGUSR1)
        everyone = [self.process, *processes]
        wait_for("summary", lambda: machine.read(self.summary_path).endswith("}\n"), everyone, self.seconds * 3 + 20)
        return json.loads(self.lines()[0])

    def lines(self):
        """All whole lines so far: the summary, then one of counts a signal."""
        return machine.read(self.summary_path).split("\n")[:-1]

    def recount(self):
        """Frames written to each guest until now."""
        n = len(self.lines())
        os.kill(self.process.pid, signal.SIGUSR1)
        wait_for("counts", lambda: len(self.lines()) > n, [self.process])
        return json.loads(self.lines()[-1])


def wait_joined(subject, sink):
    """Until the switch knows every membership, as it says itself. Busy with them it may be late to say it."""
    deadline = time.monotonic() + JOIN_LIMIT_S
    while True:
        known = None
        try:
            known = subject.n_joined()
            if known is None or known >= sink.n_memberships:
                return known
        except BenchError:
            if time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise BenchError(f"{subject.name} knows {known} of {sink.n_memberships} memberships after {JOIN_LIMIT_S:.0f} s")
        time.sleep(0.5)


def join_all(subject, sink, run):
    """Until everybody is a member; with what the memberships took of the switch's memory."""
    before = run.pop("before_kib")
    run["n_joined"] = wait_joined(subject, sink)
    run["grown_kib"] = machine.private_kib(subject.worker_pid()) - before


def judge(run, options):
    """Why this run's figure does not count: a list, empty for a good one."""
    reasons = []
    if options.verify:
        verdict = run["verify"]
        if verdict["stream"] == 0:
            reasons.append("no frame arrived")
        if verdict["bad"] or verdict["foreign"]:
            reasons.append(f"{verdict['bad']} bad frames, {verdict['foreign']} of groups that were not joined")
        return reasons
    if run["idle_before"] < IDLE_MIN:
        reasons.append(f"the machine was busy: {run['idle_before'] * 100:.0f} % idle before the run")
    if run["worker_waiting"] > WAITING_MAX:
        reasons.append(f"the worker shared its core: it waited {run['worker_waiting'] * 100:.0f} % of the time")
    if run["stolen"] > STOLEN_MAX:
        reasons.append(f"the hypervisor took {run['stolen'] * 100:.0f} % of the time")
    if run["dry_share"] > DRY_MAX:
        reasons.append(f"the guests were the limit: without buffers up to {run['dry_share'] * 100:.0f} % of the time")
    if run.get("feed_missed", 0) > MISSED_MAX * run.get("fed", 0):
        reasons.append(f"the source could not keep its pace: {run['feed_missed']} frames were not offered, {run['fed']} were")
    if run["disorder"]:
        reasons.append("buffers came back out of order, which the null guest does not handle")
    return reasons


def observe(subject, sink, run):
    """The measured window, with what the kernel says about the cores meanwhile."""
    threads, ticks, begin = machine.thread_times(subject.worker_pid()), machine.cpu_times(), time.monotonic()
    run.update(sink.measure(subject.processes))
    window = time.monotonic() - begin
    run["worker_waiting"] = machine.waiting_share(threads, machine.thread_times(subject.worker_pid()), window)
    run["stolen"] = max(machine.shares(ticks, machine.cpu_times(), 2).values())
    run["facts"], run["complaints"] = subject.counters(sink.recount)


def run_one(kind, place, case, options):
    """One run of one subject. Never raises BenchError: what went wrong is in the result."""
    run = {"subject": kind.name, "n": case.n, "size": case.size, "case": case.name, "variant": case.variant, "complaints": []}
    run["idle_before"] = machine.wait_idle(CORES, IDLE_MIN, 0 if options.verify else options.idle_wait)
    subject, sink = kind(place, case), None
    try:
        subject.start()
        run["before_kib"] = machine.private_kib(subject.worker_pid())
        sink = Sink(subject, case, options)
        join_all(subject, sink, run)
        time.sleep(WARM_UP_S)
        observe(subject, sink, run)
        run["reasons"] = judge(run, options) + run["complaints"]
    except (BenchError, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
        run["reasons"] = [str(error) if isinstance(error, BenchError) else repr(error)]
    finally:
        if sink:
            sink.process.stop()
        subject.stop()
    run["valid"] = not run["reasons"]
    return run


def say_run(run, options):
    where = f"{run['size']:>5} B  N={run['n']:<2}  {run['subject']:<14}"
    if run["case"] != "matrix":
        where = f"{run['case']:>10}  {where} {run['variant']:<40}"
    if "median" not in run:
        print(f"{where} failed: {run['reasons'][0]}", flush=True)
        return
    if options.verify:
        seen = ", ".join(f"{count} {name}" for name, count in run["verify"].items())
        print(f"{where} {'ok' if run['valid'] else 'WRONG'}: {seen}", flush=True)
        return
    void = "" if run["valid"] else f"  void: {'; '.join(run['reasons'])}"
    figures = f"{run['median'] / 1e6:7.2f} M copies/s   idle {run['idle_before'] * 100:3.0f} %  dry {run['dry_share'] * 100:4.1f} %"
    print(f"{where} {figures}{void}", flush=True)


def run_until_valid(kind, place, case, options, repeat, keep):
    """Attempts at one run; keep(run) after each. Returns the last."""
    for attempt in range(1, options.retry + 2):
        run = run_one(kind, place, case, options)
        run.update(repeat=repeat, attempt=attempt)
        say_run(run, options)
        keep(run)
        if run["valid"]:
            break
    return run


def run_matrix(kinds, place, options, keep):
    """Every cell; within a repeat one subject right after the other, so that all see the same weather."""
    for size in options.size:
        for n in options.n:
            for repeat in range(1, options.repeat + 1):
                for kind in kinds:
                    run_until_valid(kind, place, Case(n=n, size=size, groups=options.groups), options, repeat, keep)


def run_case(name, kinds, place, options, repeat, keep):
    """One pass through a named case. Its figures, or none where it was only verified."""
    by_name = {kind.name: kind for kind in kinds}
    steps = CASES[name](options)
    answer, valid = None, True
    while True:
        try:
            subject, case = steps.send(answer)
        except StopIteration as end:
            return [dict(figure, case=name, repeat=repeat, valid=valid) for figure in end.value or []]
        answer = {}
        if subject in by_name:
            answer = run_until_valid(by_name[subject], place, case, options, repeat, keep)
        valid = valid and answer.get("valid", False)


def run_all(kinds, place, options, result):
    """Everything that was asked for; results are saved after each run."""
    def keep(run):
        result["runs"].append(run)
        save(result, place)

    for name in options.case:
        if name == "matrix":
            run_matrix(kinds, place, options, keep)
            continue
        for repeat in range(1, options.repeat + 1):
            result["figures"] += run_case(name, kinds, place, options, repeat, keep)
            save(result, place)


def earlier(options, place):
    """What --add keeps: runs and figures of cases that are not measured now."""
    kept = {"runs": [], "figures": []}
    if options.add and not options.verify:
        old = json.loads(machine.read(os.path.join(place.work, "results.json"), "{}"))
        for part, rows in kept.items():
            rows += [row for row in old.get(part, []) if row.get("case", "matrix") not in options.case]
    return kept


def save(result, place):
    name = "verify" if result["verify"] else "results"
    with open(os.path.join(place.work, f"{name}.json"), "w", encoding="utf-8") as out:
        json.dump(result, out, indent=1)
    if not result["verify"]:
        with open(os.path.join(place.work, f"{name}.md"), "w", encoding="utf-8") as out:
            out.write(report.markdown(result))
        plot.write(result["runs"], os.path.join(place.work, f"{name}.svg"))


def choose(options, place):
    """The subjects that can run, and why the others cannot."""
    kinds, missing = [], {}
    for name in options.subjects.split(","):
        for kind in SUBJECTS[name]:
            reason = kind.missing(place)
            if reason:
                missing[kind.name] = reason
            else:
                kinds.append(kind)
    return kinds, missing


def unable(options):
    """Why this machine cannot run the benchmark at all, or None."""
    if os.geteuid() != 0:
        return "run it as root"
    if (os.cpu_count() or 1) < 2:
        return "it takes two cores"
    if not os.access(os.path.join(options.build, "tests/perf/nullguest"), os.X_OK):
        return f"{options.build}/tests/perf/nullguest is not built"
    if machine.free_hugepages() < HUGEPAGES_MIN:
        return f"it takes {HUGEPAGES_MIN} free hugepages of 2 MiB; there are {machine.free_hugepages()} (tools/bench reserves them)"
    return None


def end_once(number, _frame):
    """The first signal ends the benchmark; a second one must not cut its cleaning up short."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def main(argv):
    options = parse_arguments(argv)
    reason = unable(options)
    if reason:
        print(f"bench: {reason}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, end_once)
    signal.signal(signal.SIGINT, end_once)
    place = Place(os.path.abspath(options.build), os.path.join(os.path.abspath(options.build), "bench"))
    os.makedirs(place.work, exist_ok=True)
    kinds, missing = choose(options, place)
    result = {
        "time": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "commit": machine.output("git", "-C", ROOT, "describe", "--always", "--dirty").strip() or "unknown",
        "machine": machine.describe(),
        "missing": missing,
        "guest_memory": "memfd, huge pages" if options.hugetlb else "memfd, 4 KiB pages",
        **{name: getattr(options, name) for name in ("seconds", "repeat", "groups", "verify")},
    }
    print(report.machine_text(result["machine"]))
    for name, why in missing.items():
        print(f"skipped: {name}: {why}")
    result.update(earlier(options, place))
    n_kept = len(result["runs"])
    run_all(kinds, place, options, result)
    measured = result["runs"][n_kept:]
    if options.verify:
        return 0 if measured and all(run["valid"] for run in measured) else 1
    if options.publish:
        publish.write(result, os.path.join(ROOT, "docs"))
    print(f"\n{report.text(result)}\n\n{place.work}/results.md, results.json, results.svg")
    return 0 if measured and report.all_valid(measured) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
