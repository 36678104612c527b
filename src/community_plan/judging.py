"""Judging: a target's value and verdict as expressions over a measure's sums, for engines to work out.

What `verdicts` says of one region in fractions, this says in whole numbers: a bound p/q meets a target a/b if
p · b reaches a · q. So an engine judges thousands of regions, or every community, without leaving integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import attrs

from community_plan.expressions import (
    FALSE,
    TRUE,
    ZERO,
    Bool,
    Int,
    Lit,
    Op,
    When,
    add,
    compare,
    conjunction,
    disjunction,
    negation,
    scale,
    when,
)
from community_plan.measures import Comparator, Count, Measure, Ratio, Share, Total
from community_plan.verdicts import Goal, Scale

__all__ = ["Judged", "judged", "judged_rows"]


@attrs.frozen(kw_only=True)
class Judged:
    """What a target makes of a region, as expressions over its sums."""

    there: Bool
    """Whether there is a value."""
    above: Int
    """Sum above the line."""
    below: Int
    """Sum below the line; above 0 where there is a value."""
    factor: Fraction
    """Value of 1 over 1."""
    met: Bool
    """Whether even the worst case meets the target."""
    not_met: Bool
    """Whether, where it is not met, even the best case misses it."""


@attrs.frozen
class _Bound:
    """A fraction ≥ 0 that the indicator cannot pass, where there is one."""

    above: Int
    below: Int
    there: Bool = TRUE

    def holds(self, op: Op, limit: Fraction) -> Bool:
        """Hold the bound against a number, for a denominator above 0."""
        return compare(scale(limit.denominator, self.above), op, scale(limit.numerator, self.below))


def judged(measure: Measure, scale_: Scale, goal: Goal, slots: Mapping[str, Int], *, bound: bool = True) -> Judged:
    """Return how a target judges the sums of a measure.

    Args:
        measure: The measure, narrowed to the target's scope.
        scale_: Its scale.
        goal: The target, in the indicator's unit.
        slots: An expression for each of the measure's sums, by name.
        bound: Whether the target binds regions of this level.
    """
    match measure:
        case Ratio() | Total():
            (there, above, below, low, high), factor = _sums(measure, scale_, slots), scale_.value
        case Share() | Count():
            (there, above, below, low, high), factor = _counts(measure, scale_, slots), scale_.factor
    met, not_met = _verdict(low, high, goal) if bound else (FALSE, FALSE)
    return Judged(
        there=there,
        above=above,
        below=below,
        factor=factor,
        met=conjunction((there, met)),
        not_met=conjunction((there, not_met)),
    )


def _sums(
    measure: Ratio | Total, scale_: Scale, slots: Mapping[str, Int]
) -> tuple[Bool, Int, Int, _Bound, tuple[_Bound, ...]]:
    one = scale_.value
    some = compare(slots["complete"], ">", ZERO)
    d: Int = Lit(1)
    d_low, d_high = d, d
    closed: Bool = TRUE
    if isinstance(measure, Ratio):
        d, d_low, d_high = slots["d"], slots["d_low"], slots["d_high"]
        closed = compare(slots["d_open"], "=", ZERO)
        some = conjunction((some, compare(d, ">", ZERO)))
    # Without an upper limit of the denominator, nothing but 0 is surely below.
    low = _Bound(when(closed, scale(one.numerator, slots["n_low"])), scale(one.denominator, d_high))
    limited = compare(slots["n_open"], "=", ZERO)
    high = [_Bound(scale(one.numerator, slots["n_high"]), scale(one.denominator, d_low), limited)]
    if scale_.limit is not None:
        most = scale_.limit * one
        high.append(_Bound(Lit(most.numerator), Lit(most.denominator)))
    return some, slots["n"], d, low, tuple(high)


def _counts(
    measure: Share | Count, scale_: Scale, slots: Mapping[str, Int]
) -> tuple[Bool, Int, Int, _Bound, tuple[_Bound, ...]]:
    factor = scale_.factor
    told = add((slots["true"], slots["false"]))
    silent = add((slots["units"], scale(-1, told)))
    may_fail = add((slots["maybe"], scale(-1, slots["maybe_true"])))
    may_hold = add((slots["maybe"], scale(-1, slots["maybe_false"])))
    most = add((slots["true"], silent, may_hold))
    low, high = scale(factor.numerator, slots["true"]), scale(factor.numerator, most)
    if isinstance(measure, Count):
        one = Lit(factor.denominator)
        in_scope = add((slots["units"], slots["maybe"]))
        # Nothing in scope counts as 0; something in scope that tells nothing has no value.
        there = disjunction((compare(told, ">", ZERO), compare(in_scope, "=", ZERO)))
        return there, slots["true"], Lit(1), _Bound(low, one), (_Bound(high, one),)
    worst = scale(factor.denominator, add((slots["units"], may_fail)))
    best = scale(factor.denominator, add((slots["units"], may_hold)))
    return compare(told, ">", ZERO), slots["true"], told, _Bound(low, worst), (_Bound(high, best),)


_HOLDS: dict[Comparator, Op] = {
    Comparator.AT_LEAST: ">=",
    Comparator.MAINTAIN: ">=",
    Comparator.MORE_THAN: ">",
    Comparator.AT_MOST: "<=",
    Comparator.LESS_THAN: "<",
}


def _any(bounds: tuple[_Bound, ...], op: Op, limit: Fraction) -> Bool:
    """Return whether one of some bounds that are there holds."""
    return disjunction(conjunction((bound.there, bound.holds(op, limit))) for bound in bounds)


def _verdict(low: _Bound, high: tuple[_Bound, ...], goal: Goal) -> tuple[Bool, Bool]:
    """Return “met” and “not met”; `high` are upper bounds of which each holds where it is there."""
    match goal.comparator:
        case Comparator.AT_LEAST | Comparator.MORE_THAN | Comparator.MAINTAIN:
            missed: Op = "<" if goal.comparator is not Comparator.MORE_THAN else "<="
            return low.holds(_HOLDS[goal.comparator], goal.floor), _any(high, missed, goal.floor)
        case Comparator.AT_MOST | Comparator.LESS_THAN:
            missed = ">" if goal.comparator is Comparator.AT_MOST else ">="
            return _any(high, _HOLDS[goal.comparator], goal.floor), low.holds(missed, goal.floor)
        case Comparator.EQUAL | Comparator.RANGE:
            return (
                conjunction((low.holds(">=", goal.floor), _any(high, "<=", goal.ceiling))),
                disjunction((low.holds(">", goal.ceiling), _any(high, "<", goal.floor))),
            )


def judged_rows(measure: Measure, scale_: Scale, goal: Goal, slots: Mapping[str, Int], *, bound: bool = True) -> Judged:
    """Return how a target judges each row by itself; `slots` are the features whose sums `judged` takes.

    A row that tells everything leaves no bounds open, and one that does not has no value.
    """
    if isinstance(measure, Share | Count):
        true, false, in_scope = (_condition(slots[name]) for name in ("true", "false", "units"))
        perhaps = disjunction((in_scope, _condition(slots["maybe"])))
        told = disjunction((true, false))
        there = told if isinstance(measure, Share) else disjunction((told, negation(perhaps)))
        met = []
        for holds, value in ((true, scale_.factor), (conjunction((there, negation(true))), Fraction(0))):
            point = _Bound(Lit(value.numerator), Lit(value.denominator))
            met.append(conjunction((holds, _verdict(point, (point,), goal)[0])))
        return Judged(
            there=there,
            above=when(true, Lit(1)),
            below=Lit(1),
            factor=scale_.factor,
            met=disjunction(met) if bound else FALSE,
            not_met=there if bound else FALSE,
        )
    complete = _condition(slots["complete"])
    above = _bare(slots["n"])
    below = _bare(slots["d"]) if isinstance(measure, Ratio) else Lit(1)
    one = scale_.value
    there = conjunction((complete, compare(below, ">", ZERO)))
    point = _Bound(scale(one.numerator, above), scale(one.denominator, below))
    return Judged(
        there=there,
        above=above,
        below=below,
        factor=one,
        met=conjunction((there, _verdict(point, (point,), goal)[0])) if bound else FALSE,
        not_met=there if bound else FALSE,
    )


def _condition(slot: Int) -> Bool:
    """Return where a slot counts a row."""
    return compare(slot, ">", ZERO)


def _bare(slot: Int) -> Int:
    """Return what a slot adds where it adds something."""
    return slot.term if isinstance(slot, When) else slot
