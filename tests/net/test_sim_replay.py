# SPDX-License-Identifier: BSD-3-Clause
"""
Every case of tests/sim once more, through the real switch with frames.

    test --raw-- TAP u1 -- mcswitch == vhost-user == p1, p2, p3

The scripts are the same files that tests/sim runs against the machine alone. Here each message is a frame, what is sent is caught where it
arrives, what is forwarded is shown by frames from each source, and only what no frame can show (timers, reporters) is asked of the
switch. Control's clock stands still but where the script lets time come (lab/clock.py), so minutes cost nothing and no timer is early or late.
"""

import pytest

from lab import simtext
from lab.process import REPO
from lab.simworld import World
from lab.switch import available

SKIPPED = {
    "guests do not route": "workers drop a guest's PIM before control sees it; test_querier.py has its counter",
    "the first port starts the startup": "a guest is in its VLAN before it is connected, and misses what was asked then",
    "a port outside the VLAN leaves no trace": "workers drop a frame of another VLAN before control sees it",
    "on with an address of IPv6 asks uplinks too": "the switch makes its address of IPv6; test_querier.py has the election",
    "auto asks guests alone; on with an address asks uplinks too": "the switch asks in both families; test_querier.py has it",
}
TABLES = {  # state: records, of RFC 3376 6.4.1 and 6.4.2; of RFC 3810 7.4.1 and 7.4.2
    "1": {"INCLUDE(A)": ["IS_IN(B)", "IS_EX(B)"], "EXCLUDE(X,Y)": ["IS_IN(A)", "IS_EX(A)"]},
    "2": {"INCLUDE(A)": ["ALLOW(B)", "BLOCK(B)", "TO_EX(B)", "TO_IN(B)"],
          "EXCLUDE(X,Y)": ["ALLOW(A)", "BLOCK(A)", "TO_EX(A)", "TO_IN(A)"]},
}
CASES = [case for path in sorted((REPO / "tests/sim").glob("*.sim")) for case in simtext.read(path)]


@pytest.mark.parametrize("file, section", [("rfc3376-6.4.sim", "6.4"), ("rfc3810.sim", "7.4")], ids=["igmp", "mld"])
def test_every_row_of_the_tables_is_a_case(file, section):
    names = [case.name.split(":")[0] for case in CASES if case.file == file]
    for table, states in TABLES.items():
        for state, records in states.items():
            for record in records:
                assert names.count(f"{section}.{table} {state} {record}") == 1


def test_there_are_cases_enough_and_skipped_ones_exist():
    names = {case.name for case in CASES}
    assert len(names) >= 150 and names >= set(SKIPPED)


@pytest.fixture(scope="module")
def world():
    if available():
        pytest.skip(available())
    world = World()
    yield world
    try:
        world.switch.check_law()
        world.switch.stop()
    finally:
        world.close()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(world, case):
    if case.name in SKIPPED:
        pytest.skip(SKIPPED[case.name])
    world.begin()
    for number, line in case.lines:
        try:
            if line[0] == " ":
                verb, _, rest = line.strip().partition(" ")
                world.check(verb, rest)
                continue
            when, verb, rest = (line.split(maxsplit=2) + ["", ""])[:3]
            world.at(float(when))
            if verb:
                world.do(verb, rest)
        except Exception as error:
            raise AssertionError(f"{case.file}:{number}: {line}: {error}") from None
    world.end()
