"""Law: whole numbers judge as fractions do — every measure of the registry, against whatever a target may ask."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import community_plan as cp
from community_plan.columns import ColumnTable
from community_plan.expressions import Col, Lit, when
from community_plan.judging import Judged, judged, judged_rows
from community_plan.measures import Comparator, Compare, Count, Measure, Ratio, Share, Total
from community_plan.programs import slots_of
from community_plan.targets import Indicator
from community_plan.units import parse_unit
from community_plan.verdicts import Estimate, Goal, Scale, estimate, judge_bounds, scale_of, shortfall_of

PLANS = [cp.load_plan(name) for name in ("shangqiu-14fyp", "national-14fyp", "hubei-14fyp", "longnan-14fyp")]
COUNTS = st.integers(0, 12)
FEW = st.sampled_from([0, 0, 1, 2])
AMOUNTS = st.one_of(st.integers(0, 40), st.integers(0, 2**40))
FLOORS = (Comparator.AT_LEAST, Comparator.MAINTAIN, Comparator.MORE_THAN)


def shapes() -> list[tuple[Measure, Scale]]:
    """Return the measures of the bundled plans with their scales, and a count, which none of them has."""
    empty = Compare(numerator=("comprehensive_service_count",), comparator=Comparator.EQUAL, value=cp.quantity("0 个"))
    count = Indicator(id="without", name=PLANS[0].title, unit=parse_unit("社区"), measure=Count(condition=empty))
    found = [
        (plan.indicators[target.indicator], plan.measure_of(target), plan)
        for plan in PLANS
        for target in plan.targets.values()
    ]
    found += [(count, count.measure, PLANS[0])]
    return [(measure, scale_of(indicator, measure, plan.variables)) for indicator, measure, plan in found]


SHAPES = shapes()
# The seldom ones by themselves, so that they are drawn as often as those of which there are dozens.
KINDS = {
    "share": [shape for shape in SHAPES if isinstance(shape[0], Share)],
    "count": [shape for shape in SHAPES if isinstance(shape[0], Count)],
    "total": [shape for shape in SHAPES if isinstance(shape[0], Total)],
    "ratio": [shape for shape in SHAPES if isinstance(shape[0], Ratio) and shape[1].limit is None],
    "part of a whole": [shape for shape in SHAPES if shape[1].limit == 1],
    "parts of a whole": [shape for shape in SHAPES if shape[1].limit == 2],
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@st.composite
def sums(draw: st.DrawFn, measure: Measure, scale: Scale) -> dict[str, int]:
    """Draw sums as a table can give them: parts are no larger than their whole."""
    if not isinstance(measure, Ratio | Total):
        counts = draw(st.sampled_from([FEW, COUNTS]))
        true, false = (draw(counts), draw(counts)) if draw(st.integers(0, 3)) else (0, 0)
        silent, holds, fails, open_ = (draw(counts) for _ in range(4)) if draw(st.integers(0, 3)) else (0, 0, 0, 0)
        found = {"units": true + false + silent, "maybe": holds + fails + open_, "true": true, "false": false}
        return {**found, "maybe_true": holds, "maybe_false": fails}
    units, maybe = draw(COUNTS), draw(COUNTS)
    complete = draw(st.integers(0, units))
    d = draw(st.one_of(st.just(0), AMOUNTS)) if complete else 0
    d_low = d + draw(FEW)
    d_high = d_low + draw(FEW)
    n = draw(st.one_of(AMOUNTS, st.integers(0, 2 * d))) if complete else 0
    n_low = n + draw(FEW)
    if scale.limit is not None:
        n, n_low = min(n, scale.limit * d), min(n_low, scale.limit * d_high)
    found = {"units": units, "maybe": maybe, "complete": complete, "n": n, "n_low": max(n, n_low)}
    found |= {"n_high": max(n, n_low) + draw(FEW), "n_open": draw(FEW)}
    if isinstance(measure, Ratio):
        found |= {"d": d, "d_low": d_low, "d_high": d_high, "d_open": draw(FEW)}
    return found


@st.composite
def one_row(draw: st.DrawFn, measure: Measure, scale: Scale) -> dict[str, int]:
    """Draw what one row adds to the sums: out of scope, surely or perhaps in it, telling everything or not."""
    where = draw(st.sampled_from(["out", "maybe", "in"]))
    slots = dict.fromkeys(slots_of(measure), 0)
    if where == "out":
        return slots
    told = draw(st.booleans())
    slots["units" if where == "in" else "maybe"] = 1
    if not isinstance(measure, Ratio | Total):
        if told:
            slots[f"{'' if where == 'in' else 'maybe_'}{'true' if draw(st.booleans()) else 'false'}"] = 1
    elif told and where == "in":
        n, d = draw(AMOUNTS), draw(st.one_of(st.just(0), AMOUNTS))
        if scale.limit is not None:
            n = min(n, scale.limit * d)
        slots |= {"complete": 1, "n": n, "n_low": n, "n_high": n}
        if isinstance(measure, Ratio):
            slots |= {"d": d, "d_low": d, "d_high": d}
    else:
        slots["n_open"] = 1
    return slots


@st.composite
def goals(draw: st.DrawFn, found: Estimate, scale: Scale) -> list[Goal]:
    """Draw what targets may ask for: by every comparator, at each limit of the value, and anywhere."""
    steps = draw(st.one_of(st.sampled_from([-1, 1]), st.fractions(-3, 3, max_denominator=4)))
    near = [limit for limit in (found.value, found.lower, found.upper) if limit is not None]
    near += [max(Fraction(0), draw(st.sampled_from(near or [scale.value])) + steps * found.step)]
    near += [draw(st.sampled_from([0, 1, Fraction(3, 2), 2])) * scale.factor]
    width = draw(st.sampled_from([Fraction(0), found.step / 2, found.step, scale.factor]))
    return [
        Goal(comparator=comparator, floor=floor, ceiling=floor + (width if comparator is Comparator.RANGE else 0))
        for comparator in Comparator
        for limit in near
        for floor in {limit, max(Fraction(0), limit - width) if comparator is Comparator.RANGE else limit}
    ]


def accepts(value: Fraction, goal: Goal) -> bool:
    """Say whether a value is one that a target asks for."""
    match goal.comparator:
        case Comparator.AT_LEAST | Comparator.MAINTAIN:
            return value >= goal.floor
        case Comparator.MORE_THAN:
            return value > goal.floor
        case Comparator.AT_MOST:
            return value <= goal.floor
        case Comparator.LESS_THAN:
            return value < goal.floor
        case Comparator.EQUAL | Comparator.RANGE:
            return goal.floor <= value <= goal.ceiling


def verdict_of(lower: Fraction, upper: Fraction | None, goal: Goal) -> cp.Verdict:
    """Try what lies between two bounds: their ends, the target's, and something between any two neighbours."""
    beyond = max(lower, goal.ceiling) + 1
    ends = sorted({lower, beyond if upper is None else upper, goal.floor, goal.ceiling})
    tried = [*ends, *((one + other) / 2 for one, other in itertools.pairwise(ends))]
    verdicts = {accepts(value, goal) for value in tried if lower <= value and (upper is None or value <= upper)}
    return cp.Verdict.UNKNOWN if len(verdicts) == 2 else cp.Verdict.MET if True in verdicts else cp.Verdict.NOT_MET


def check(says: Judged, slots: dict[str, int], found: Estimate, goal: Goal) -> None:
    """See that whole numbers say of some sums what fractions say of them."""
    table = ColumnTable(rows=1, amounts={name: [number] for name, number in slots.items()}, labels={})
    asked = [when(says.there, Lit(1)), when(says.met, Lit(1)), when(says.not_met, Lit(1)), says.above, says.below]
    ((_, (there, met, not_met, above, below)),) = table.sums([], asked)
    assert bool(there) == (found.value is not None)
    told = (bool(met), bool(not_met and not met))
    if found.value is None or found.lower is None:
        assert told == (False, False)
        return
    assert Fraction(above, below) * says.factor == found.value
    verdict = verdict_of(found.lower, found.upper, goal)
    assert judge_bounds(found.lower, found.upper, goal) is verdict
    assert told == (verdict is cp.Verdict.MET, verdict is cp.Verdict.NOT_MET)


@each_kind
@pytest.mark.parametrize(("judge", "drawn"), [(judged, sums), (judged_rows, one_row)], ids=["sums", "a row by itself"])
@settings(max_examples=50)
@given(st.data())
def test_what_is_judged_in_whole_numbers_is_judged_so_in_fractions(
    judge: Any, drawn: Any, kind: str, data: st.DataObject
) -> None:
    """Value, met and not met, at the limit and beside it, bounds open or not; rows in scope, out of it, perhaps."""
    measure, scale = data.draw(st.sampled_from(KINDS[kind]))
    slots = data.draw(drawn(measure, scale))
    found = estimate(slots, measure, scale)
    for goal in data.draw(goals(found, scale)):
        check(judge(measure, scale, goal, {name: Col(name) for name in slots}), slots, found, goal)


@each_kind
def test_what_is_not_bound_owes_nothing(kind: str) -> None:
    """Sums and rows of a level that a target does not bind are neither met nor missed."""
    measure, scale = KINDS[kind][0]
    goal = Goal(comparator=Comparator.AT_LEAST, floor=Fraction(0), ceiling=Fraction(0))
    slots = {name: Col(name) for name in slots_of(measure)}
    for says in (judge(measure, scale, goal, slots, bound=False) for judge in (judged, judged_rows)):
        table = ColumnTable(rows=1, amounts={name: [1] for name in slots}, labels={})
        ((_, (met, not_met)),) = table.sums([], [when(says.met, Lit(1)), when(says.not_met, Lit(1))])
        assert (met, not_met) == (0, 0)


@each_kind
@settings(max_examples=20)
@given(st.data())
def test_a_shortfall_is_the_least_change_that_meets_the_target(kind: str, data: st.DataObject) -> None:
    """After it the target is met, and by one quantum less it is not; without one, no whole change meets it."""
    measure, scale = data.draw(st.sampled_from(KINDS[kind]))
    found = estimate(data.draw(sums(measure, scale)), measure, scale)
    for goal in data.draw(goals(found, scale)):
        check_shortfall(found, goal)


def check_shortfall(found: Estimate, goal: Goal) -> None:
    """See what the value becomes by the shortfall, and by one quantum less."""
    shortfall = shortfall_of(found, goal)
    if found.value is None:
        assert shortfall is None
    elif shortfall is None:
        near = (goal.floor - found.value) // found.step
        values = [found.value + steps * found.step for steps in range(near - 1, near + 3)]
        assert not any(accepts(value, goal) for value in values if value >= 0)
    else:
        steps = shortfall / found.quantum
        assert steps.denominator == 1
        step = found.step if found.value < goal.floor or goal.comparator in FLOORS else -found.step
        assert found.value + steps * step >= 0
        assert accepts(found.value + steps * step, goal)
        assert steps == 0 or not accepts(found.value + (steps - 1) * step, goal)


def test_no_whole_change_may_reach_a_value_or_a_range() -> None:
    """A third of the places is no half, and one more is two thirds."""
    third = Estimate(value=Fraction(1, 3), step=Fraction(1, 3))
    half = Goal(comparator=Comparator.EQUAL, floor=Fraction(1, 2), ceiling=Fraction(1, 2))
    assert shortfall_of(third, half) is None
    assert shortfall_of(third, attrs.evolve(half, comparator=Comparator.RANGE, ceiling=Fraction(2, 3))) == 1
    assert shortfall_of(third, attrs.evolve(half, comparator=Comparator.LESS_THAN, floor=Fraction(0))) is None
