# SPDX-License-Identifier: BSD-3-Clause
"""The benchmark's arithmetic, without a benchmark: medians, spread, percentiles, what does not count, and the verdicts of cases."""

import os
import sys
import tempfile
import types
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
import bench
import cases
import plot
import publish
import report
import source
from case import Case


def run(samples, subject="mcswitch", valid=True, complaints=(), **more):
    made = {"subject": subject, "n": 8, "size": 64, "samples": samples, "valid": valid, "complaints": list(complaints)}
    made.update(case="matrix", variant="plain", repeat=1, attempt=1, reasons=[] if valid else ["busy"], **more)
    return made


class Cells(unittest.TestCase):
    def test_rate_is_the_median_over_repeats_of_medians_over_seconds(self):
        cell = report.Cell([run([1, 9, 2]), run([5, 5, 80]), run([3, 4])])  # medians 2, 5 and 3.5
        self.assertEqual(cell.rate, 3.5)
        self.assertEqual((cell.lowest, cell.highest), (2, 5))
        self.assertAlmostEqual(cell.spread, 3 / 3.5)

    def test_spread_of_a_single_run_is_over_its_seconds(self):
        cell = report.Cell([run([10, 12, 11])])
        self.assertEqual(cell.rate, 11)
        self.assertAlmostEqual(cell.spread, 2 / 11)

    def test_void_runs_stay_out_while_one_counts(self):
        cell = report.Cell([run([100], valid=False), run([10]), run([12])])
        self.assertEqual(cell.rate, 11)
        self.assertTrue(cell.is_valid)

    def test_a_figure_of_void_runs_alone_is_marked(self):
        cell = report.Cell([run([5e6], valid=False)])
        self.assertFalse(cell.is_valid)
        self.assertEqual(cell.text(), "5.0 !")

    def test_counts_that_disagree_mark_whatever_else_there_is(self):
        self.assertFalse(report.Cell([run([5]), run([5], valid=False, complaints=["g0: 4, not 5"])]).is_valid)

    def test_a_run_that_failed_has_no_figure(self):
        failed = {"subject": "ovs", "valid": False, "complaints": [], "reasons": ["it ended"]}
        cell = report.Cell([failed])
        self.assertIsNone(cell.rate)
        self.assertEqual((cell.text(), cell.spread_text()), ("-", "-"))

    def test_m_is_the_better_of_its_forms(self):
        table = report.cells([run([7], "M ordinary"), run([9], "M non-temporal"), run([3])])
        self.assertEqual(table[64, 8]["M"].rate, 9)
        self.assertEqual(report.ratio(table[64, 8], "mcswitch", "M"), "0.33")

    def test_a_ratio_with_a_marked_figure_is_marked(self):
        row = report.cells([run([6]), run([2], "ovs", valid=False)])[64, 8]
        self.assertEqual(report.ratio(row, "mcswitch", "ovs"), "3.00 !")
        self.assertEqual(report.ratio(row, "mcswitch", "L"), "-")

    def test_all_valid_wants_a_run_that_counts_of_each_step(self):
        self.assertFalse(report.all_valid([]))
        self.assertTrue(report.all_valid([run([1], valid=False), run([1])]))
        other = dict(run([1], valid=False), case="churn", variant="half")
        self.assertFalse(report.all_valid([run([1]), other]))

    def test_runs_of_cases_are_not_in_the_matrix(self):
        self.assertEqual(report.cells([dict(run([1]), case="churn")]), {})


class Validity(unittest.TestCase):
    GOOD = {"idle_before": 0.99, "worker_waiting": 0.0, "stolen": 0.0, "dry_share": 0.0, "disorder": 0}

    def reasons(self, **evidence):
        return bench.judge({**self.GOOD, **evidence}, types.SimpleNamespace(verify=False))

    def test_a_good_run_counts(self):
        self.assertEqual(self.reasons(), [])
        self.assertEqual(self.reasons(idle_before=0.95, worker_waiting=0.02, stolen=0.02, dry_share=0.02), [])

    def test_each_piece_of_evidence_makes_it_void(self):
        for evidence in ({"idle_before": 0.94}, {"worker_waiting": 0.021}, {"stolen": 0.03}, {"dry_share": 0.03}, {"disorder": 1},
                         {"feed_missed": 3, "fed": 100}):
            self.assertEqual(len(self.reasons(**evidence)), 1, evidence)

    def test_verification_wants_frames_and_no_bad_one(self):
        options = types.SimpleNamespace(verify=True)
        for stream, bad, foreign, n in ((9, 0, 0, 0), (0, 0, 0, 1), (9, 1, 0, 1), (9, 0, 1, 1)):
            verdict = {"stream": stream, "bad": bad, "foreign": foreign}
            self.assertEqual(len(bench.judge({"verify": verdict}, options)), n, verdict)


class Percentiles(unittest.TestCase):
    """Nearest rank: with 100 values, p99 is the 99th."""

    def test_nearest_rank(self):
        values = list(range(100, 0, -1))
        for share, want in ((0.5, 50), (0.99, 99), (0.999, 100), (0.01, 1), (1.0, 100)):
            self.assertEqual(cases.percentile(values, share), want, share)

    def test_the_rank_is_exact_where_floating_point_is_not(self):
        self.assertEqual(cases.percentile(list(range(1, 1001)), 0.999), 999)
        self.assertEqual(cases.percentile(list(range(1, 11)), 0.7), 7)

    def test_of_few_values(self):
        self.assertEqual(cases.percentile([7], 0.999), 7)
        self.assertIsNone(cases.percentile([], 0.5))


class Figures(unittest.TestCase):
    def test_fall_and_quotient_without_a_figure(self):
        self.assertAlmostEqual(cases.fall(200, 170), 0.15)
        for pair in ((None, 1), (0, 1), (1, None)):
            self.assertIsNone(cases.fall(*pair))
        self.assertIsNone(cases.quotient(1, 0))

    def test_a_target_is_met_at_its_bound_and_not_without_a_value(self):
        self.assertTrue(cases.at_most("", 0.15, "share", 0.15, "t")["met"])
        self.assertFalse(cases.at_most("", 0.1501, "share", 0.15, "t")["met"])
        self.assertTrue(cases.at_least("", 1.7, "times", 1.7, "t")["met"])
        self.assertIsNone(cases.at_least("", None, "times", 1.7, "t")["met"])

    def test_loss_is_what_the_uplink_did_not_take_and_guests_did_not_get(self):
        ports = [{"name": "up0", "rx_packets": 95, "tx_dropped": 9}, {"name": "g0", "tx_dropped": 2}, {"name": "g1", "tx_dropped": 0}]
        self.assertEqual(cases.lost({"fed": 100, "facts": {"ports": ports}}), 7)
        self.assertIsNone(cases.lost({}))

    def test_table_shows_median_spread_and_verdict(self):
        figures = [dict(cases.at_most("fall", value, "share", 0.03, "3 % or less"), case="churn") for value in (0.01, 0.05, 0.02)]
        self.assertEqual(report.figure_rows(figures), [["churn", "fall", "", "2.0 % (1.0 % to 5.0 %)", "3 % or less", "missed"]])

    def drive(self, name, answer):
        """A case from end to end with made-up runs: (steps asked for, figures by name)."""
        steps, sent, asked = cases.CASES[name](types.SimpleNamespace(quick=False)), None, []
        while True:
            try:
                subject, case = steps.send(sent)
            except StopIteration as end:
                return asked, {one["figure"]: one for one in end.value}
            asked.append((subject, case))
            sent = answer(subject, case)

    def test_every_case_ends_without_a_single_figure(self):
        for name in cases.CASES:
            asked, figures = self.drive(name, lambda subject, case: {})
            self.assertTrue(asked and figures, name)
            self.assertFalse([one for one in figures.values() if one["met"]], name)

    def test_groups_judges_the_last_step_against_the_first(self):
        _, figures = self.drive("groups", lambda subject, case: {"samples": [100 if case.groups == 1 else 86]})
        self.assertTrue(figures["fall from 1 to 65,536 groups"]["met"])
        self.assertAlmostEqual(figures["fall from 1 to 65,536 groups"]["value"], 0.14)

    def test_latency_runs_both_switches_at_half_of_ovs(self):
        def answer(subject, case):
            return {"samples": [8e6], "last_ns": [1000] if subject == "mcswitch" else [5000], "first_ns": [500]}
        asked, figures = self.drive("latency", answer)
        self.assertEqual([(subject, case.feed_rate) for subject, case in asked], [("ovs", 0), ("mcswitch", 500000), ("ovs", 500000)])
        self.assertTrue(figures["to the last guest, p99.9, mcswitch"]["met"])

    def test_a_guest_s_copies_include_the_uplink_s(self):
        ports = [{"name": f"g{i}", "tx_packets": 10} for i in range(7)] + [{"name": "up0", "tx_packets": 10}]

        def answer(_subject, case):
            return {"samples": [70] if case.feed else [100], "n": case.n, "facts": {"ports": ports}}
        _, figures = self.drive("guest", answer)
        self.assertAlmostEqual(figures["of the uplink's"]["value"], 0.8)

    def test_throughput_steps_down_until_nothing_is_lost(self):
        def answer(_subject, case):
            dropped = 5 if case.feed_rate == 0 or case.feed_rate > 850 else 0
            ports = [{"name": "up0", "rx_packets": 9}, {"name": "g0", "tx_dropped": dropped}]
            return {"samples": [8000 if not case.feed_rate else case.feed_rate * 8], "fed": 9, "facts": {"ports": ports}}
        asked, figures = self.drive("throughput", answer)
        self.assertEqual(len([case for _, case in asked if case.feed == "uplink"]), 3)
        self.assertAlmostEqual(figures["copies/s without loss, 8 guests"]["value"] * 1e6, 800 * 8)


class Source(unittest.TestCase):
    def test_frames_spread_over_all_groups(self):
        case = Case(groups=65536, frames=4096)
        self.assertEqual([case.number(i) for i in (0, 1, 4095)], [0, 16, 65520])
        self.assertEqual({Case(groups=1, frames=4096).number(i) for i in range(4096)}, {0})

    def test_size_is_without_the_tag_and_checksums_hold(self):
        frames = list(source.case_frames(Case(vlan=20, source_specific=True, groups=16)))
        self.assertEqual(len(frames), 17)
        for frame in frames:
            self.assertEqual(len(frame), 68)
            self.assertEqual(frame[12:16], bytes.fromhex("81000014"))
            self.assertEqual(source.checksum(frame[18:38]), 0)  # RFC 1071 over a header with its checksum

    def test_every_other_frame_is_unicast(self):
        kinds = [frame[0] & 1 for frame in source.case_frames(Case(unicast=True, groups=4))]
        self.assertEqual(kinds, [1, 0, 1, 0])


class Targets(unittest.TestCase):
    def test_each_is_judged_by_its_own_cell(self):
        runs = [run([24]), run([10], "L"), run([2], "ovs"), run([50], "M ordinary")]
        self.assertEqual(report.target_rows(runs), [
            ["mcswitch/L", "8", "64", "2.40", "2 or more", "met"], ["mcswitch/OVS", "8", "64", "12.00", "12 or more", "met"],
            ["mcswitch/M", "8", "64", "0.48", "0.5 or more", "missed"]])

    def test_figures_of_void_runs_are_marked_and_meet_nothing(self):
        figures = [dict(cases.at_least("x", 2.0, "times", 1, "1 or more"), case="c", valid=False)]
        self.assertEqual(report.figure_rows(figures)[0][3:], ["2 times !", "1 or more", "void"])
        figures.append(dict(cases.at_least("x", 3.0, "times", 1, "1 or more"), case="c", valid=True))
        self.assertEqual(report.figure_rows(figures)[0][3:], ["3 times", "1 or more", "met"])
        rows = report.target_rows([run([24]), run([10], "L", valid=False)])
        self.assertEqual([row[3:] for row in rows], [["2.40 !", "2 or more", "void"]])

    def test_the_page_keeps_what_is_not_between_the_marks(self):
        page = f"method\n{publish.BEGIN}old\n{publish.END}after\n"
        new = publish.replaced(page, "new\n")
        self.assertEqual(new, f"method\n{publish.BEGIN}\nnew\n\n{publish.END}after\n")
        self.assertEqual(publish.replaced(new, "new\n"), new)
        with self.assertRaises(ValueError):
            publish.replaced("no marks", "new")

    def test_the_page_in_docs_has_its_marks(self):
        docs = os.path.join(bench.ROOT, "docs", "performance.md")
        with open(docs, encoding="utf-8") as page:
            self.assertIn("\nx\n", publish.replaced(page.read(), "x"))


class Picture(unittest.TestCase):
    def test_series_leave_out_what_does_not_count(self):
        runs = [run([3, 5, 4]), run([9], "ovs", valid=False)]
        self.assertEqual(plot.series(runs), {64: {"mcswitch": [(8, 4, 3, 5)]}})

    def test_nothing_to_draw(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "x.svg")
            self.assertFalse(plot.write([], path))
            self.assertFalse(os.path.exists(path))


if __name__ == "__main__":
    unittest.main()
