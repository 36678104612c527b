"""Verdicts: from a measure's sums to a value, its bounds, and what the target makes of them — exactly.

A verdict looks at bounds, not at the printed value: *met* if even the worst case that missing data leave
open meets the target, *not met* if even the best case misses it, else *unknown*. Without a printed value
there is no verdict but unknown.
"""

from __future__ import annotations

import math
from enum import StrEnum
from fractions import Fraction

import attrs

from community_plan.measures import (
    Comparator,
    Count,
    Measure,
    Ratio,
    Share,
    Total,
    counted_unit,
    measure_unit,
    quanta_of,
)
from community_plan.programs import Slots
from community_plan.targets import Indicator, Target
from community_plan.units import DIMENSIONLESS, Unit, decimal_text
from community_plan.variables import UNITS_COLUMN, Variables

__all__ = [
    "Estimate",
    "Goal",
    "Reason",
    "Scale",
    "Verdict",
    "display",
    "estimate",
    "judge_bounds",
    "scale_of",
    "shortfall_of",
]


class Verdict(StrEnum):
    """What a target makes of a value."""

    MET = "met"
    """The target is met even in the worst case of what is missing."""
    NOT_MET = "not_met"
    """The target is missed even in the best case of what is missing."""
    UNKNOWN = "unknown"
    """Neither, or there is no value: see `Reason`."""


class Reason(StrEnum):
    """Why a verdict is unknown."""

    NOTHING_IN_SCOPE = "nothing_in_scope"
    """No community of the region is in the target's scope."""
    NOTHING_REPORTED = "nothing_reported"
    """No community in scope reports everything that the measure needs."""
    ZERO_DENOMINATOR = "zero_denominator"
    """What divides adds up to zero."""
    MISSING_DATA = "missing_data"
    """Missing cells could turn the verdict either way."""
    OTHER_LEVEL = "other_level"
    """The target binds a larger region than this one."""
    NO_VALUE = "no_value"
    """No value was given to judge."""


@attrs.frozen(kw_only=True)
class Estimate:
    """The value of an indicator in a region with all that missing data leave open."""

    value: Fraction | None = None
    """Over the communities that report everything, in the indicator's unit; None if there is none."""
    lower: Fraction | None = None
    """Least that it can be; None if there is no value."""
    upper: Fraction | None = None
    """Most that it can be; None if nothing limits it, or if there is no value."""
    reporting_share: Fraction | None = None
    """Reporting communities over communities in scope; None if there are none."""
    numerator: Fraction | None = None
    """Sum above the line, in the variables' unit."""
    denominator: Fraction | None = None
    """Sum below the line, in the variables' unit; None for counts and totals."""
    step: Fraction = Fraction(1)
    """Change of the value by one quantum of the numerator."""
    quantum: Fraction = Fraction(1)
    """One quantum of the numerator, in `numerator_unit`."""
    numerator_unit: Unit = DIMENSIONLESS
    """Unit of the numerator, and of a shortfall."""
    reason: Reason | None = None
    """Why there is no value."""


@attrs.frozen(kw_only=True)
class Scale:
    """What turns a measure's sums into a value: worked out once, used for every region."""

    factor: Fraction
    """Value of one unit of the numerator over one of the denominator, in the indicator's unit."""
    above: Fraction
    """Quanta of the numerator in one of its unit."""
    below: Fraction
    """Quanta of the denominator in one of its unit."""
    unit: Unit
    """Unit of the numerator."""
    limit: int | None
    """Most that the bare ratio can be, where it is of parts to their whole."""

    @property
    def value(self) -> Fraction:
        """Value of one quantum over one quantum."""
        return self.factor / self.above * self.below


def scale_of(indicator: Indicator, measure: Measure, variables: Variables) -> Scale:
    """Return the scale of a measure.

    Raises:
        DimensionError: If the measure does not come out in the indicator's dimension.
    """
    factor = measure_unit(measure, variables).factor(indicator.unit)
    one = Fraction(1)
    match measure:
        case Ratio() | Total():
            above = measure.numerator if isinstance(measure, Ratio) else measure.of
            return Scale(
                factor=factor,
                above=quanta_of(above, variables),
                below=quanta_of(measure.denominator, variables) if isinstance(measure, Ratio) else one,
                unit=measure_unit(Total(of=above), variables),
                limit=_part_limit(measure, variables),
            )
        case Share() | Count():
            return Scale(factor=factor, above=one, below=one, unit=counted_unit(measure, variables), limit=None)


def estimate(slots: Slots, measure: Measure, scale: Scale) -> Estimate:
    """Return value, bounds and reporting share from a measure's sums.

    Args:
        slots: The sums, as named by `programs.slots_of`.
        measure: The measure, narrowed to the target's scope.
        scale: Its scale.
    """
    in_scope = slots["units"] + slots["maybe"]
    match measure:
        case Ratio() | Total():
            return _estimate_sum(slots, measure, in_scope, scale)
        case Share() | Count():
            return _estimate_count(slots, measure, in_scope, scale)


def _estimate_sum(slots: Slots, measure: Ratio | Total, in_scope: int, scale: Scale) -> Estimate:
    n, n_low, n_high = slots["n"], slots["n_low"], slots["n_high"]
    d, d_low, d_high, d_open = 1, 1, 1, 0
    if isinstance(measure, Ratio):
        d, d_low, d_high, d_open = slots["d"], slots["d_low"], slots["d_high"], slots["d_open"]
    reason = None
    if not in_scope:
        reason = Reason.NOTHING_IN_SCOPE
    elif not slots["complete"]:
        reason = Reason.NOTHING_REPORTED
    elif not d:
        reason = Reason.ZERO_DENOMINATOR
    value = lower = upper = None
    step = Fraction(1)
    if reason is None:
        # d_low ≥ d > 0: the complete rows are surely in scope.
        one = scale.value
        value, step = Fraction(n, d) * one, one / d
        lower = Fraction(0) if d_open else Fraction(n_low, d_high) * one
        upper = None if slots["n_open"] else Fraction(n_high, d_low) * one
        if scale.limit is not None and (upper is None or upper > scale.limit * one):
            upper = scale.limit * one
    return Estimate(
        value=value,
        lower=lower,
        upper=upper,
        reporting_share=Fraction(slots["complete"], in_scope) if in_scope else None,
        numerator=n / scale.above,
        denominator=d / scale.below if isinstance(measure, Ratio) else None,
        step=step,
        quantum=1 / scale.above,
        numerator_unit=scale.unit,
        reason=reason,
    )


def _part_limit(measure: Ratio | Total, variables: Variables) -> int | None:
    """Return the most that parts over their whole can be: one for each part."""
    if not isinstance(measure, Ratio) or len(measure.denominator) != 1:
        return None
    whole = measure.denominator[0]
    for name in measure.numerator:
        around = variables[name].part_of if name != UNITS_COLUMN else None
        while around is not None and around != whole:
            around = variables[around].part_of
        if around is None:
            return None
    return len(measure.numerator)


def _estimate_count(slots: Slots, measure: Share | Count, in_scope: int, scale: Scale) -> Estimate:
    true, told = slots["true"], slots["true"] + slots["false"]
    silent = slots["units"] - told
    may_fail = slots["maybe"] - slots["maybe_true"]
    may_hold = slots["maybe"] - slots["maybe_false"]
    counted = isinstance(measure, Count)
    reason = None
    if not in_scope and not counted:
        reason = Reason.NOTHING_IN_SCOPE
    elif in_scope and not told:
        reason = Reason.NOTHING_REPORTED
    value = lower = upper = None
    step = Fraction(1)
    if reason is None:
        # Worst: every silent place fails, and those perhaps in scope are in it only where they may fail.
        worst, best = (1, 1) if counted else (slots["units"] + may_fail, slots["units"] + may_hold)
        step = scale.factor / (1 if counted else told)
        value = true * step
        lower, upper = Fraction(true, worst) * scale.factor, Fraction(true + silent + may_hold, best) * scale.factor
    return Estimate(
        value=value,
        lower=lower,
        upper=upper,
        reporting_share=Fraction(told, in_scope) if in_scope else None,
        numerator=Fraction(true),
        denominator=None if counted else Fraction(told),
        step=step,
        numerator_unit=scale.unit,
        reason=reason,
    )


def _holds(value: Fraction, target: Fraction, comparator: Comparator) -> bool:
    match comparator:
        case Comparator.AT_LEAST | Comparator.MAINTAIN:
            return value >= target
        case Comparator.MORE_THAN:
            return value > target
        case Comparator.AT_MOST:
            return value <= target
        case Comparator.LESS_THAN:
            return value < target
        case Comparator.EQUAL | Comparator.RANGE:
            return value == target


@attrs.frozen(kw_only=True)
class Goal:
    """A target as bare numbers in its indicator's unit."""

    comparator: Comparator
    floor: Fraction
    """The target; the lower end of a range."""
    ceiling: Fraction
    """The target; the upper end of a range."""

    @classmethod
    def of(cls, target: Target, unit: Unit) -> Goal:
        """Convert a target to a unit.

        Raises:
            DimensionError: If the target measures something else.
        """
        floor = target.value.value_in(unit)
        ceiling = floor if target.upper is None else target.upper.value_in(unit)
        return cls(comparator=target.comparator, floor=floor, ceiling=ceiling)


def judge_bounds(lower: Fraction, upper: Fraction | None, goal: Goal) -> Verdict:
    """Hold the bounds of a value against a target.

    Args:
        lower: Least that the value can be.
        upper: Most that it can be; None if nothing limits it.
        goal: The target, in the same unit.
    """
    worst: Fraction | None
    best: Fraction | None
    match goal.comparator:
        case Comparator.AT_LEAST | Comparator.MORE_THAN | Comparator.MAINTAIN:
            worst, best = lower, upper
        case Comparator.AT_MOST | Comparator.LESS_THAN:
            worst, best = upper, lower
        case Comparator.EQUAL | Comparator.RANGE:
            if upper is not None and goal.floor <= lower and upper <= goal.ceiling:
                return Verdict.MET
            misses = lower > goal.ceiling or (upper is not None and upper < goal.floor)
            return Verdict.NOT_MET if misses else Verdict.UNKNOWN
    if worst is not None and _holds(worst, goal.floor, goal.comparator):
        return Verdict.MET
    if best is not None and not _holds(best, goal.floor, goal.comparator):
        return Verdict.NOT_MET
    return Verdict.UNKNOWN


def shortfall_of(found: Estimate, goal: Goal) -> Fraction | None:
    """Return the least change of the numerator, in whole quanta, after which the value meets the target.

    Floors ask for more of the numerator, ceilings for less; 0 if the value meets the target; None if there
    is no value, or if no such change meets the target: no half of 3 places is reached, and nothing is less
    than 0.
    """
    if found.value is None:
        return None
    more, less = (goal.floor - found.value) / found.step, (found.value - goal.ceiling) / found.step
    match goal.comparator:
        case Comparator.AT_LEAST | Comparator.MAINTAIN:
            change = max(0, math.ceil(more))
        case Comparator.MORE_THAN:
            change = max(0, math.floor(more) + 1)
        case Comparator.AT_MOST:
            change = -max(0, math.ceil(less))
        case Comparator.LESS_THAN:
            change = -max(0, math.floor(less) + 1)
        case Comparator.EQUAL | Comparator.RANGE:
            change = max(0, math.ceil(more)) - max(0, math.ceil(less))
    changed = found.value + change * found.step
    if changed < 0 or judge_bounds(changed, changed, goal) is not Verdict.MET:
        return None
    return abs(change) * found.quantum


def display(value: Fraction, *against: Fraction, digits: int = 2, most: int = 30) -> str:
    """Return a value rounded for people, with as many digits as it takes to stand on its own side of each target.

    >>> display(Fraction("29.99996"), Fraction(30)), display(Fraction(100, 3), Fraction(30))
    ('29.99996', '33.33')
    """
    while digits < most:
        shown = Fraction(decimal_text(value, digits=digits))
        if all((shown > limit) == (value > limit) and (shown < limit) == (value < limit) for limit in against):
            break
        digits += 1
    return decimal_text(value, digits=digits)
