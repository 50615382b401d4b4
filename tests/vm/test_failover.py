# SPDX-License-Identifier: BSD-3-Clause
"""
A failover on real parts: a kernel bridge that snoops, a router that asks every 125 s, a real Linux guest (lab/failover.py has the drawing).
What must hold, holds for every repeat; how long it takes is printed, and measured by tools/failover when the machine is quiet.
"""

import pytest

from lab.failover import CASES, Plant
from lab.switch import available

REPEATS = 2


@pytest.fixture(scope="module")
def plant():
    if available():
        pytest.skip(available())
    with Plant("vmfail") as plant:
        yield plant
        plant.finish()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_failover(plant, case):
    """
    Nothing comes twice, and who was not moved loses nothing. With replay the switch reports for those who were moved; without, the guest's
    own answer to the queries, or to the router's next one, brings the stream back. A port channel's members are one link.
    """
    plant.set(case)
    for _ in range(REPEATS):
        for event, sample in zip(("lost", "back"), plant.repeat()):
            print(f"{case.name}, link {event}: {sample.gap.lost} frames, {sample.gap.ms:.1f} ms; {sample}")
            assert sample.gap.duplicates == sample.kernel.duplicates == 0
            if sample.unmoved:
                assert (sample.unmoved.lost, sample.unmoved.duplicates) == (0, 0)
            replayed = case.replay and case.policy != "ip-hash"
            assert bool(sample.inside["reports"]) == replayed
            if case.policy == "ip-hash":
                assert sample.gap.lost <= 20  # in transit: what the channel's other end had already given to the dead member
    plant.switch.check_law()


def test_flapping_under_load(plant):
    """Fifty changes while all streams flow: afterwards everybody has his stream, once, and no buffer is left over."""
    plant.set(CASES[0])
    before = plant.switch.ctl("show status")["mbufs_in_use"]
    for i in range(50):
        (plant.wire.up if i % 2 else plant.wire.down)("up0")
    plant.switch.wait("show uplinks", lambda rows: all(row["state"] == "up" for row in rows))
    plant.flowing()
    _, mend = plant.repeat()
    assert mend.gap.duplicates == 0
    assert plant.switch.ctl("show status")["mbufs_in_use"] <= before + 600
