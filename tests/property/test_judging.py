"""Law: whole numbers judge as fractions do — every target of the registry, whatever its sums are."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

import community_plan as cp
from community_plan.columns import ColumnTable
from community_plan.expressions import Col, Lit, when
from community_plan.judging import judged
from community_plan.measures import Ratio, Total
from community_plan.programs import slots_of
from community_plan.targets import Target
from community_plan.verdicts import Goal, estimate, judge_bounds, scale_of

PLANS = [cp.load_plan(name) for name in ("shangqiu-14fyp", "national-14fyp", "hubei-14fyp", "longnan-14fyp")]
TARGETS = [(plan, target) for plan in PLANS for target in plan.targets.values()]
COUNTS = st.integers(0, 12)
AMOUNTS = st.one_of(st.integers(0, 40), st.integers(0, 2**40))


@st.composite
def sums(draw: st.DrawFn, plan: cp.Plan, target: Target) -> dict[str, int]:
    """Draw sums as a table can give them, often close to the target."""
    measure = plan.measure_of(target)
    if not isinstance(measure, Ratio | Total):
        true, false, silent = draw(COUNTS), draw(COUNTS), draw(COUNTS)
        holds, fails, open_ = draw(COUNTS), draw(COUNTS), draw(COUNTS)
        maybe = holds + fails + open_
        units = true + false + silent
        counts = {"units": units, "maybe": maybe, "true": true, "false": false}
        return {**counts, "maybe_true": holds, "maybe_false": fails}
    units, maybe = draw(COUNTS), draw(COUNTS)
    complete = draw(st.integers(0, units))
    d = draw(AMOUNTS) if complete else 0
    scale = scale_of(plan.indicators[target.indicator], measure, plan.variables)
    floor = Goal.of(target, plan.indicators[target.indicator].unit).floor
    limit = round(floor * (d if isinstance(measure, Ratio) else 1) / scale.value)
    n = max(0, limit + draw(st.integers(-2, 2))) if draw(st.booleans()) else draw(AMOUNTS)
    n = n if complete else 0
    n_low, d_low = n + draw(st.integers(0, 3)), d + draw(st.integers(0, 3))
    found = {"units": units, "maybe": maybe, "complete": complete, "n": n, "n_low": n_low}
    found |= {"n_high": n_low + draw(st.integers(0, 3)), "n_open": draw(st.sampled_from([0, 0, 2]))}
    if isinstance(measure, Ratio):
        found |= {"d": d, "d_low": d_low, "d_high": d_low + draw(st.integers(0, 3))}
        found["d_open"] = draw(st.sampled_from([0, 0, 1]))
    return found


@given(st.sampled_from(TARGETS), st.data())
def test_every_target_is_judged_in_whole_numbers_as_in_fractions(
    chosen: tuple[cp.Plan, Target], data: st.DataObject
) -> None:
    """Value, met and not met, at the limit and beside it, with bounds open or not."""
    plan, target = chosen
    indicator, measure = plan.indicators[target.indicator], plan.measure_of(target)
    slots = data.draw(sums(plan, target))
    scale, goal = scale_of(indicator, measure, plan.variables), Goal.of(target, indicator.unit)
    found = estimate(slots, measure, scale)
    says = judged(measure, scale, goal, {name: Col(name) for name in slots_of(measure)})
    table = ColumnTable(rows=1, amounts={name: [number] for name, number in slots.items()}, labels={})
    asked = [when(says.there, Lit(1)), when(says.met, Lit(1)), when(says.not_met, Lit(1)), says.above, says.below]
    ((_, (there, met, not_met, above, below)),) = table.sums([], asked)
    assert bool(there) == (found.value is not None)
    if found.value is not None and found.lower is not None:
        assert Fraction(above, below) * says.factor == found.value
        verdict = judge_bounds(found.lower, found.upper, goal)
        assert (bool(met), bool(not_met and not met)) == (verdict is cp.Verdict.MET, verdict is cp.Verdict.NOT_MET)
