"""Measures: how an indicator is counted, as data — a closed union of four kinds.

Every measure is a function of sums over communities, so it means the same over any grouping of them:

- `Count`: how many communities satisfy a condition;
- `Total`: the sum of variables;
- `Ratio`: sum over sum — never a mean of ratios;
- `Share`: communities that satisfy a condition, over communities in scope.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction

import attrs

from community_plan.errors import MeasureError
from community_plan.regions import LEVELS, is_code_of
from community_plan.units import DIMENSIONLESS, Lang, Quantity, Unit, in_language
from community_plan.variables import UNITS_COLUMN, TableName, Variables

__all__ = [
    "AllOf",
    "AnyOf",
    "AtLeast",
    "Comparator",
    "Compare",
    "Condition",
    "Count",
    "Is",
    "Measure",
    "Ratio",
    "Share",
    "Total",
    "check_digits",
    "check_measure",
    "check_test",
    "counted_table",
    "counted_unit",
    "formula",
    "measure_unit",
    "quanta_of",
    "scope_text",
    "variables_of",
]


class Comparator(StrEnum):
    """How a value is held against a target."""

    AT_LEAST = ">="
    """At least the value (不低于, 以上)."""
    MORE_THAN = ">"
    """More than the value (大于, 高于)."""
    AT_MOST = "<="
    """At most the value (不超过, 以内)."""
    LESS_THAN = "<"
    """Less than the value (低于, 小于)."""
    EQUAL = "="
    """The value itself."""
    RANGE = "range"
    """From the value to the upper value, both included."""
    MAINTAIN = "maintain"
    """At least the value, which is also the baseline."""

    @property
    def symbol(self) -> str:
        """The sign that people read."""
        signs = {">=": "≥", "<=": "≤", "range": "∈", "maintain": "≥"}
        return signs.get(self.value, self.value)


@attrs.frozen(kw_only=True, cache_hash=True)
class Is:
    """A category has one of some values, or a place lies in one of some regions."""

    variable: str
    """Category variable, or a level: city, county, township."""
    values: tuple[str, ...]
    """Values that satisfy the condition; codes of regions for a level."""


@attrs.frozen(kw_only=True, cache_hash=True)
class Compare:
    """A sum of variables, or one sum over another, held against a value within each community."""

    numerator: tuple[str, ...]
    """Variables that are added up."""
    denominator: tuple[str, ...] = ()
    """Variables that divide, added up; none for a plain amount."""
    comparator: Comparator
    """One of >= > <= < =."""
    value: Quantity
    """What it is held against."""


@attrs.frozen(kw_only=True, cache_hash=True)
class AllOf:
    """Every one of some conditions."""

    conditions: tuple[Condition, ...]
    """Conditions that all have to hold."""


@attrs.frozen(kw_only=True, cache_hash=True)
class AnyOf:
    """One or more of some conditions."""

    conditions: tuple[Condition, ...]
    """Conditions of which one has to hold."""


@attrs.frozen(kw_only=True, cache_hash=True)
class AtLeast:
    """At least `count` of some conditions."""

    count: int
    """How many have to hold."""
    conditions: tuple[Condition, ...]
    """Conditions that are looked at."""


Condition = Is | Compare | AllOf | AnyOf | AtLeast
"""What a community satisfies, does not satisfy, or — with a missing cell — may satisfy."""


@attrs.frozen(kw_only=True, cache_hash=True)
class Count:
    """How many communities satisfy a condition [社区]."""

    condition: Condition
    """What a community has to satisfy in order to count."""
    where: tuple[Is, ...] = ()
    """Scope: the communities that are looked at."""


@attrs.frozen(kw_only=True, cache_hash=True)
class Total:
    """The sum of variables over the communities in scope."""

    of: tuple[str, ...]
    """Variables that are added up."""
    where: tuple[Is, ...] = ()
    """Scope: the communities that are looked at."""


@attrs.frozen(kw_only=True, cache_hash=True)
class Ratio:
    """Sum over sum, both over the communities in scope."""

    numerator: tuple[str, ...]
    """Variables that are added up."""
    denominator: tuple[str, ...]
    """Variables that divide, added up; `communities` counts the communities themselves."""
    where: tuple[Is, ...] = ()
    """Scope: the communities that are looked at."""


@attrs.frozen(kw_only=True, cache_hash=True)
class Share:
    """Communities that satisfy a condition, over the communities in scope [1]."""

    condition: Condition
    """What a community has to satisfy in order to count."""
    where: tuple[Is, ...] = ()
    """Scope: the communities that are looked at."""


Measure = Count | Total | Ratio | Share
"""How an indicator is counted."""


def _sum_unit(names: tuple[str, ...], variables: Variables) -> Unit:
    """Return the common unit of variables that are added up."""
    if not names:
        raise MeasureError("expected at least one variable to add up, got none")
    if UNITS_COLUMN in names:
        if len(names) > 1:
            raise MeasureError(f"{UNITS_COLUMN!r} counts communities and cannot be added to {names}")
        return Unit.of({"community": 1})
    first = variables[names[0]]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise MeasureError(f"expected every variable of a sum once, got {name!r} twice")
        variable = variables[name]
        if variable.type != "quantity":
            raise MeasureError(f"variable {name!r} is a {variable.type}, not a quantity, and cannot be added up")
        if variable.kind != first.kind or variable.quantum != first.quantum:
            mine, other = (f"{each.id!r} ({each.kind}, {each.unit})" for each in (variable, first))
            raise MeasureError(f"{mine} cannot be added to {other}")
    return first.unit


def measure_unit(measure: Measure, variables: Variables) -> Unit:
    """Return the unit in which a measure comes out by itself, such as m²/户.

    Raises:
        MeasureError: If variables that do not add up are added up.
        NotFoundError: If a variable does not exist.
    """
    match measure:
        case Count():
            return counted_unit(measure, variables)
        case Total():
            return _sum_unit(measure.of, variables)
        case Ratio():
            return _sum_unit(measure.numerator, variables) / _sum_unit(measure.denominator, variables)
        case Share():
            return DIMENSIONLESS


def quanta_of(names: tuple[str, ...], variables: Variables) -> Fraction:
    """Return how many quanta one unit of a sum of variables is; communities are counted one by one."""
    return Fraction(1) if names[0] == UNITS_COLUMN else variables[names[0]].quanta_per_unit


def counted_unit(measure: Measure, variables: Variables) -> Unit:
    """Return the unit of the places that a measure counts: communities or townships."""
    table = variables.table_of(variables_of(measure))
    return Unit.of({"township" if table == "townships" else "community": 1})


def check_test(test: Is, variables: Variables) -> None:
    """Check that a category has the values, or that the regions are of the level, that a test names.

    Raises:
        MeasureError: If it tests no category and no level, or names no value or no region of the level.
        NotFoundError: If the variable or a value does not exist.
    """
    variable = variables[test.variable]
    if not test.values:
        raise MeasureError(f"expected at least one value of {variable.id}, got none")
    if variable.id in LEVELS:
        for code in test.values:
            if not is_code_of(code, variable.id):
                raise MeasureError(f"expected the code of a {variable.id}, got {code!r}")
        return
    if variable.type != "category":
        raise MeasureError(f"variable {variable.id!r} is a {variable.type}; only a category can be tested by value")
    for value in test.values:
        variable.number_of(value)


def check_digits(value: Quantity, *factors: int) -> None:
    """Check that sums can be held against a value: engines have 128 bits for a sum of 64 times a factor.

    Args:
        value: The value, as it is written.
        factors: What it makes of the sums above and below the line before they are compared.

    Raises:
        MeasureError: If it has too many digits.
    """
    if max(map(abs, factors)) >= 2**63:
        raise MeasureError(f"expected a value of fewer digits, got {value.text(digits=40)}")


def _check_condition(condition: Condition, variables: Variables) -> None:
    match condition:
        case Is():
            check_test(condition, variables)
        case Compare():
            unit = _sum_unit(condition.numerator, variables)
            if condition.denominator:
                unit = unit / _sum_unit(condition.denominator, variables)
            if condition.comparator in (Comparator.RANGE, Comparator.MAINTAIN):
                raise MeasureError(f"a condition compares by >= > <= < or =, not by {condition.comparator.value}")
            held = condition.value.unit.factor(unit) * condition.value.magnitude
            held *= quanta_of(condition.numerator, variables)
            if condition.denominator:
                held /= quanta_of(condition.denominator, variables)
            check_digits(condition.value, held.numerator, held.denominator)
        case AllOf() | AnyOf() | AtLeast():
            if not condition.conditions:
                raise MeasureError("expected at least one condition, got none")
            if isinstance(condition, AtLeast) and not 1 <= condition.count <= len(condition.conditions):
                raise MeasureError(f"expected a count from 1 to {len(condition.conditions)}, got {condition.count}")
            for part in condition.conditions:
                _check_condition(part, variables)


def check_measure(measure: Measure, unit: Unit, variables: Variables) -> None:
    """Check that a measure's parts exist, add up, and come out in a unit that converts to `unit`.

    Raises:
        MeasureError: If variables that do not add up are added up, or stand in two tables, or if a value has too
            many digits.
        NotFoundError: If a variable or a category value does not exist.
        DimensionError: If the measure's unit is of another dimension than `unit`.
    """
    measure_unit(measure, variables).factor(unit)
    counted_table(measure, variables)
    for test in measure.where:
        check_test(test, variables)
    if isinstance(measure, Count | Share):
        _check_condition(measure.condition, variables)


def _condition_variables(condition: Condition) -> Iterator[str]:
    match condition:
        case Is():
            yield condition.variable
        case Compare():
            yield from condition.numerator
            yield from condition.denominator
        case AllOf() | AnyOf() | AtLeast():
            for part in condition.conditions:
                yield from _condition_variables(part)


def counted_table(measure: Measure, variables: Variables) -> TableName:
    """Return the one table whose rows a measure counts.

    Raises:
        MeasureError: If its variables stand in two tables, or in one that measures do not count, or if it counts
            communities in the table of townships.
    """
    table = variables.table_of(variables_of(measure))
    if table != "communities" and UNITS_COLUMN in _names_of(measure):
        raise MeasureError(f"{UNITS_COLUMN!r} counts communities and cannot be counted in the table of {table}")
    return table


def variables_of(measure: Measure) -> tuple[str, ...]:
    """Return the ids of the variables that a measure reads, each once, the count of communities left out."""
    return tuple(dict.fromkeys(name for name in _names_of(measure) if name != UNITS_COLUMN))


def _names_of(measure: Measure) -> list[str]:
    names = [test.variable for test in measure.where]
    match measure:
        case Total():
            names += measure.of
        case Ratio():
            names += [*measure.numerator, *measure.denominator]
        case Count() | Share():
            names += _condition_variables(measure.condition)
    return names


_WORDS = {
    "zh": {"all": "且", "any": "或", "of": "项中至少", "where": "范围", "townships": "乡镇(街道)数", "sep": "、"},
    "en": {"all": " and ", "any": " or ", "of": "of", "where": "among", "townships": "Townships", "sep": ", "},
}


def _words(lang: Lang) -> dict[str, str]:
    return in_language(lang, _WORDS["zh"], _WORDS["en"])


def scope_text(scope: tuple[Is, ...], variables: Variables, lang: Lang = "zh") -> str:
    """Return the values that a scope is narrowed to, for people; nothing if it is not narrowed."""
    return _words(lang)["sep"].join(_values_text(test, variables, lang) for test in scope)


def _values_text(test: Is, variables: Variables, lang: Lang) -> str:
    variable = variables[test.variable]
    named = variable.type == "category"
    return _words(lang)["sep"].join(
        variable.values[variable.number_of(value)].label.get(lang) if named else value for value in test.values
    )


def _condition_text(condition: Condition, variables: Variables, lang: Lang) -> str:
    words = _words(lang)
    match condition:
        case Is():
            return f"{variables[condition.variable].label.get(lang)} = {_values_text(condition, variables, lang)}"
        case Compare():
            text = _sum_text(condition.numerator, variables, lang)
            if condition.denominator:
                text = f"{text} ÷ {_sum_text(condition.denominator, variables, lang)}"
            return f"{text} {condition.comparator.symbol} {condition.value.text(lang)}"
        case AllOf():
            return words["all"].join(f"({_condition_text(part, variables, lang)})" for part in condition.conditions)
        case AnyOf():
            return words["any"].join(f"({_condition_text(part, variables, lang)})" for part in condition.conditions)
        case AtLeast():
            parts = words["sep"].join(f"({_condition_text(part, variables, lang)})" for part in condition.conditions)
            number = len(condition.conditions)
            if lang == "zh":
                return f"{number}{words['of']}{condition.count}项: {parts}"
            return f"at least {condition.count} {words['of']} {number}: {parts}"


def _sum_text(names: tuple[str, ...], variables: Variables, lang: Lang) -> str:
    text = " + ".join(variables.label(name, lang) for name in names)
    return f"({text})" if len(names) > 1 else text


def formula(measure: Measure, variables: Variables, lang: Lang = "zh") -> str:
    """Return the formula that people read, made from the measure itself."""
    scope = _words(lang)["all"].join(_condition_text(test, variables, lang) for test in measure.where)
    match measure:
        case Total():
            text = f"Σ {_sum_text(measure.of, variables, lang)}"
        case Ratio():
            above = _sum_text(measure.numerator, variables, lang)
            text = f"Σ {above} ÷ Σ {_sum_text(measure.denominator, variables, lang)}"
        case Count():
            text = f"#[{_condition_text(measure.condition, variables, lang)}]"
        case Share():
            townships = variables.table_of(variables_of(measure)) == "townships"
            units = _words(lang)["townships"] if townships else variables.label(UNITS_COLUMN, lang)
            text = f"#[{_condition_text(measure.condition, variables, lang)}] ÷ {units}"
    return f"{text}  ({_words(lang)['where']}: {scope})" if scope else text
