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

from community_plan.measures import Comparator, Count, Measure, Ratio, Share, Total, counted_unit, measure_unit
from community_plan.programs import Slots
from community_plan.targets import Indicator, Target
from community_plan.units import DIMENSIONLESS, Unit, decimal_text
from community_plan.variables import UNITS_COLUMN, Variables

__all__ = ["Estimate", "Reason", "Verdict", "display", "estimate", "judge_bounds", "shortfall_of"]


class Verdict(StrEnum):
    """What a target makes of a value."""

    MET = "met"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"


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


def _quanta(names: tuple[str, ...], variables: Variables) -> Fraction:
    return Fraction(1) if names[0] == UNITS_COLUMN else variables[names[0]].quanta_per_unit


def _unit(names: tuple[str, ...], variables: Variables) -> Unit:
    return measure_unit(Total(of=names), variables)


def estimate(slots: Slots, indicator: Indicator, measure: Measure, variables: Variables) -> Estimate:
    """Return value, bounds and reporting share from a measure's sums.

    Args:
        slots: The sums, as named by `programs.slots_of`.
        indicator: The indicator, for its unit.
        measure: Its measure, narrowed to the target's scope.
        variables: The variables of the plan.
    """
    in_scope = slots["units"] + slots["maybe"]
    factor = measure_unit(measure, variables).factor(indicator.unit)
    match measure:
        case Ratio() | Total():
            return _estimate_sum(slots, measure, in_scope, factor, variables)
        case Share() | Count():
            return _estimate_count(slots, measure, in_scope, factor, counted_unit(measure, variables))


def _estimate_sum(
    slots: Slots, measure: Ratio | Total, in_scope: int, factor: Fraction, variables: Variables
) -> Estimate:
    above = measure.numerator if isinstance(measure, Ratio) else measure.of
    quanta = _quanta(above, variables)
    below = Fraction(1)
    n, n_low, n_high = slots["n"], slots["n_low"], slots["n_high"]
    d, d_low, d_high, d_open = 1, 1, 1, 0
    if isinstance(measure, Ratio):
        below = _quanta(measure.denominator, variables)
        d, d_low, d_high, d_open = (slots[name] for name in ("d", "d_low", "d_high", "d_open"))
    scale = factor / quanta * below
    share = Fraction(slots["complete"], in_scope) if in_scope else None
    common = Estimate(
        reporting_share=share,
        numerator=Fraction(n) / quanta,
        denominator=Fraction(d) / below if isinstance(measure, Ratio) else None,
        quantum=1 / quanta,
        numerator_unit=_unit(above, variables),
    )
    if not in_scope:
        return attrs.evolve(common, reason=Reason.NOTHING_IN_SCOPE)
    if not slots["complete"]:
        return attrs.evolve(common, reason=Reason.NOTHING_REPORTED)
    if not d:
        return attrs.evolve(common, reason=Reason.ZERO_DENOMINATOR)
    # d_low ≥ d > 0: the complete rows are surely in scope.
    lower = Fraction(0) if d_open else Fraction(n_low, d_high) * scale
    upper = None if slots["n_open"] else Fraction(n_high, d_low) * scale
    limit = _part_limit(measure, variables)
    if limit is not None and (upper is None or upper > limit * scale):
        upper = limit * scale
    return attrs.evolve(common, value=Fraction(n, d) * scale, lower=lower, upper=upper, step=scale / d)


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


def _estimate_count(slots: Slots, measure: Share | Count, in_scope: int, factor: Fraction, unit: Unit) -> Estimate:
    true, false = slots["true"], slots["false"]
    told = true + false
    silent = slots["units"] - told
    maybe_false = slots["maybe"] - slots["maybe_true"]
    maybe_true = slots["maybe"] - slots["maybe_false"]
    common = Estimate(
        reporting_share=Fraction(told, in_scope) if in_scope else None,
        numerator=Fraction(true),
        denominator=Fraction(told) if isinstance(measure, Share) else None,
        numerator_unit=unit,
    )
    if isinstance(measure, Count):
        if in_scope and not told:
            return attrs.evolve(common, reason=Reason.NOTHING_REPORTED)
        lower, upper = Fraction(true), Fraction(true + silent + maybe_true)
        return attrs.evolve(common, value=true * factor, lower=lower * factor, upper=upper * factor, step=factor)
    if not in_scope:
        return attrs.evolve(common, reason=Reason.NOTHING_IN_SCOPE)
    if not told:
        return attrs.evolve(common, reason=Reason.NOTHING_REPORTED)
    # Worst: every silent community fails, and those perhaps in scope are in it only where they may fail.
    lower = Fraction(true, slots["units"] + maybe_false)
    upper = Fraction(true + silent + maybe_true, slots["units"] + maybe_true)
    return attrs.evolve(
        common,
        value=Fraction(true, told) * factor,
        lower=lower * factor,
        upper=upper * factor,
        step=factor / told,
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


def judge_bounds(lower: Fraction, upper: Fraction | None, target: Target, unit: Unit) -> Verdict:
    """Hold the bounds of a value against a target.

    Args:
        lower: Least that the value can be, in `unit`.
        upper: Most that it can be; None if nothing limits it.
        target: The target.
        unit: Unit of the bounds.
    """
    floor = target.value.value_in(unit)
    ceiling = target.upper.value_in(unit) if target.upper is not None else floor
    worst: Fraction | None
    best: Fraction | None
    match target.comparator:
        case Comparator.AT_LEAST | Comparator.MORE_THAN | Comparator.MAINTAIN:
            worst, best = lower, upper
        case Comparator.AT_MOST | Comparator.LESS_THAN:
            worst, best = upper, lower
        case Comparator.EQUAL | Comparator.RANGE:
            if upper is not None and floor <= lower and upper <= ceiling:
                return Verdict.MET
            misses = lower > ceiling or (upper is not None and upper < floor)
            return Verdict.NOT_MET if misses else Verdict.UNKNOWN
    if worst is not None and _holds(worst, floor, target.comparator):
        return Verdict.MET
    if best is not None and not _holds(best, floor, target.comparator):
        return Verdict.NOT_MET
    return Verdict.UNKNOWN


def shortfall_of(found: Estimate, target: Target, unit: Unit) -> Fraction | None:
    """Return the least change of the numerator, in whole quanta, after which the value meets the target.

    Floors ask for more of the numerator, ceilings for less; 0 if the value meets the target; None if there
    is no value.
    """
    if found.value is None:
        return None
    floor = target.value.value_in(unit)
    ceiling = target.upper.value_in(unit) if target.upper is not None else floor
    below, above = (floor - found.value) / found.step, (found.value - ceiling) / found.step
    match target.comparator:
        case Comparator.AT_LEAST | Comparator.MAINTAIN:
            steps = max(0, math.ceil(below))
        case Comparator.MORE_THAN:
            steps = max(0, math.floor(below) + 1)
        case Comparator.AT_MOST:
            steps = max(0, math.ceil(above))
        case Comparator.LESS_THAN:
            steps = max(0, math.floor(above) + 1)
        case Comparator.EQUAL | Comparator.RANGE:
            steps = max(0, math.ceil(below), math.ceil(above))
    return steps * found.quantum


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
