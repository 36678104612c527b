"""What happens exactly at a limit, and one quantum beside it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import community_plan as cp
from community_plan.verdicts import Estimate, Goal, display, judge_bounds, shortfall_of

NAME = "facility-area-per-100-households"


def at_thirty() -> pl.DataFrame:
    """Make a community for every household count, each with exactly 30 m² per 100 households, as floats."""
    households = range(1, 5001)
    return pl.DataFrame(
        {
            "code": [f"4114220{number // 100 + 10:02d}{number % 100 + 201}" for number in households],
            "households": list(households),
            "comprehensive_service_area": [float(Fraction(3 * number, 10)) for number in households],
        }
    )


def test_floats_get_thirty_wrong() -> None:
    """The reason for exact arithmetic: the same question asked in floats."""
    frame = at_thirty()
    wrong = frame.filter(~(pl.col("comprehensive_service_area") / (pl.col("households") / 100) >= 30))
    assert len(wrong) > 500


def test_thirty_is_never_more_than_thirty_and_always_at_least(plan: cp.Plan) -> None:
    """For every household count from 1 to 5,000."""
    strict = plan.evaluate(at_thirty(), by="community", targets=NAME)
    assert len(strict) == 5000
    assert {row.verdict for row in strict} == {cp.Verdict.NOT_MET}
    assert {row.gap for row in strict} == {0}
    loose = plan.evaluate(at_thirty(), by="community", targets=NAME, reading={"A01": "not-less-than"})
    assert {row.verdict for row in loose} == {cp.Verdict.MET}


@pytest.mark.parametrize(("quanta", "verdict"), [(-1, "not_met"), (0, "not_met"), (1, "met")])
def test_one_quantum_decides(plan: cp.Plan, quanta: int, verdict: str) -> None:
    """A square centimetre over 30 m² per 100 households is more than 30."""
    area = Fraction(450) + Fraction(quanta, 10_000)
    place = cp.Community(code="411422001201", households=1500, comprehensive_service_area=area)
    row = plan.evaluate([place], targets=NAME).row(NAME)
    assert row.verdict == verdict
    assert row.gap == Fraction(quanta, 10_000) / 15
    assert row.shortfall == Fraction(max(0, 1 - quanta), 10_000)
    shown = Fraction(row.value_text().split()[0])
    assert (shown > 30) == (quanta > 0)
    assert (shown < 30) == (quanta < 0)


def test_a_printed_value_never_looks_like_the_other_side() -> None:
    """29.999999 is not printed as 30, nor 30.000001."""
    for tiny in (Fraction(1, 10**n) for n in range(1, 12)):
        assert Fraction(display(30 - tiny, Fraction(30))) < 30
        assert Fraction(display(30 + tiny, Fraction(30))) > 30
    assert display(Fraction(30), Fraction(30)) == "30"


def test_the_pooled_ratio_is_not_the_mean_of_ratios(plan: cp.Plan) -> None:
    """100 m² for 100 households and 200 m² for 900: 30 pooled, 61 as a mean of ratios."""
    places = [
        cp.Community(code="411422001201", households=100, comprehensive_service_area=100),
        cp.Community(code="411422001202", households=900, comprehensive_service_area=200),
    ]
    row = plan.evaluate(places, targets=NAME).row(NAME)
    assert row.value == 30
    assert row.verdict is cp.Verdict.NOT_MET


def test_a_shortfall_is_just_enough(plan: cp.Plan) -> None:
    """With it the target is met, and with one quantum less it is not."""
    for name, field, unit, base in (
        (NAME, "comprehensive_service_area", Fraction(1, 10_000), {"households": 777}),
        ("community-workers-per-10000-urban-residents", "community_workers", Fraction(1), {"urban_residents": 54_321}),
    ):
        place = cp.Community(code="411422001001", **base, **{field: 7})
        short = plan.evaluate([place], targets=name).row(name).shortfall
        assert short is not None
        assert short > 0
        for missing, verdict in ((short, "met"), (short - unit, "not_met")):
            more = 7 + missing
            full = cp.Community(code="411422001001", **base, **{field: int(more) if unit == 1 else more})
            assert plan.evaluate([full], targets=name).row(name).verdict == verdict


@pytest.mark.parametrize("level", ["city", "county", "township", "community", None])
def test_nothing_in_scope_and_nothing_reported_are_two_reasons(plan: cp.Plan, level: str | None) -> None:
    """A county without districts is told apart from one that reports nothing."""
    rows = plan.evaluate([cp.Community(code="411422001201", social_workers=1)], by=level, targets="main")
    reasons = {row.target: row.reason for row in rows}
    assert reasons["social-workers-per-district-community"] == "nothing_in_scope"
    assert reasons[NAME] == "nothing_reported"
    assert {row.verdict for row in rows if row.reason} == {cp.Verdict.UNKNOWN}


def test_a_zero_denominator_is_unknown_with_its_reason(plan: cp.Plan) -> None:
    """Never an exception, never met."""
    place = cp.Community(code="411422001201", households=0, comprehensive_service_area=500)
    row = plan.evaluate([place], targets=NAME).row(NAME)
    assert (row.value, row.verdict, row.reason) == (None, "unknown", "zero_denominator")


def test_missing_data_leave_a_verdict_open_only_where_they_matter(plan: cp.Plan) -> None:
    """97 of 100 covered and 3 silent: at least 97 %, so 93 % is met; 92 covered and 3 silent: open."""

    def share(covered: int, silent: int) -> cp.Result:
        counts = [1] * covered + [None] * silent + [0] * (100 - covered - silent)
        places = [
            cp.Community(code=f"411422001{201 + number}", comprehensive_service_count=count)
            for number, count in enumerate(counts)
        ]
        return plan.evaluate(places, targets="rural-facility-coverage")

    row = share(97, 3).rows[0]
    assert (row.verdict, row.value, row.lower, row.upper) == ("met", 100, 97, 100)
    row = share(92, 3).rows[0]
    assert (row.verdict, row.reason, row.lower, row.upper) == ("unknown", "missing_data", 92, 95)
    assert row.reporting_share == Fraction(97, 100)
    row = share(80, 3).rows[0]
    assert row.verdict == "not_met"


NUMBERS = st.builds(Fraction, st.integers(0, 12), st.integers(1, 4))
GOALS = st.builds(
    lambda comparator, ends: Goal(comparator=comparator, floor=min(ends), ceiling=max(ends)),
    st.just(cp.Comparator.RANGE),
    st.tuples(NUMBERS, NUMBERS),
) | st.builds(
    lambda comparator, value: Goal(comparator=comparator, floor=value, ceiling=value),
    st.sampled_from([each for each in cp.Comparator if each is not cp.Comparator.RANGE]),
    NUMBERS,
)


def meets(value: Fraction, goal: Goal) -> bool:
    """Say whether a value that is known meets a target, in the words of the comparator."""
    sign = goal.comparator.symbol
    return {
        "≥": value >= goal.floor,
        ">": value > goal.floor,
        "≤": value <= goal.floor,
        "<": value < goal.floor,
        "=": value == goal.floor,
        "∈": goal.floor <= value <= goal.ceiling,
    }[sign]


@given(NUMBERS, NUMBERS | st.none(), GOALS)
def test_a_verdict_is_what_all_values_within_the_bounds_agree_on(
    lower: Fraction, width: Fraction | None, goal: Goal
) -> None:
    """Met where all of them meet the target, not met where none does, else unknown; without a limit any is one."""
    upper = None if width is None else lower + width
    ends = [lower, upper if upper is not None else max(lower, goal.ceiling) + 1]
    # What matters lies at an end, at a limit of the target, or between two of these.
    marks = sorted({*ends, *(limit for limit in (goal.floor, goal.ceiling) if ends[0] <= limit <= ends[1])})
    found = {meets(value, goal) for value in (*marks, *((a + b) / 2 for a, b in pairwise(marks)))}
    agreed = {(True,): "met", (False,): "not_met"}.get(tuple(found), "unknown")
    assert judge_bounds(lower, upper, goal) == agreed


@given(NUMBERS, st.sampled_from([Fraction(1), Fraction(1, 3), Fraction(5, 2)]), GOALS)
@example(Fraction(1), Fraction(5, 2), Goal(comparator=cp.Comparator.AT_MOST, floor=Fraction(0), ceiling=Fraction(0)))
def test_no_smaller_change_than_the_shortfall_meets_the_target(value: Fraction, step: Fraction, goal: Goal) -> None:
    """In whole quanta, up or down and never below nothing; 0 where it is met, none where no change will do."""
    found = Estimate(value=value, step=step, quantum=Fraction(1, 10))
    enough = [abs(n) for n in range(-50, 51) if value + n * step >= 0 and meets(value + n * step, goal)]
    assert shortfall_of(found, goal) == (min(enough) * found.quantum if enough else None)
