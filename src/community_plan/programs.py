"""Programs: measures compiled, with their units checked, into the few integer sums that decide them.

For every measure a fixed set of sums (*slots*) is added up over communities. `units` are the communities
surely in scope, `maybe` those whose scope is unknown because a cell is missing.

- `Ratio`: `complete` communities report every part; `n` and `d` are summed over them alone and make the
  printed value. `n_low`, `n_high` and `d_low`, `d_high` are the least and the most that the two sums can
  be when missing cells take any value they may; `n_open`, `d_open` count the rows without an upper limit.
- `Total`: the same without a denominator.
- `Share`, `Count`: communities for which the condition is `true` or `false`, among those in scope and
  (`maybe_true`, `maybe_false`) among those perhaps in scope.

The rule for missing cells (“open bounds”): a missing amount is any amount ≥ 0 and at most its whole where
its variable is declared part of one; a missing condition is true or false.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, TypeVar

import attrs

from community_plan.errors import CommunityPlanError, MeasureError, PlanFaults, raise_faults
from community_plan.expressions import (
    FALSE,
    TRUE,
    ZERO,
    Bool,
    Col,
    In,
    Int,
    Known,
    Lit,
    Op,
    add,
    compare,
    conjunction,
    disjunction,
    negation,
    scale,
    when,
)
from community_plan.measures import (
    AllOf,
    AnyOf,
    AtLeast,
    Comparator,
    Compare,
    Condition,
    Count,
    Is,
    Measure,
    Ratio,
    Share,
    Total,
    measure_unit,
    quanta_of,
    variables_of,
)
from community_plan.regions import LEVELS, region_number
from community_plan.variables import UNITS_COLUMN, TableName, Variables

__all__ = ["REMAINDER", "Program", "Slots", "compile_program", "slots_of"]

T = TypeVar("T")
REMAINDER = "remainder"
"""Column of rows that are no community: what a county or township holds beyond its communities."""

Slots = Mapping[str, int]
"""The sums of one measure in one region."""

_OPS: dict[Comparator, Op] = {
    Comparator.AT_LEAST: ">=",
    Comparator.MORE_THAN: ">",
    Comparator.AT_MOST: "<=",
    Comparator.LESS_THAN: "<",
    Comparator.EQUAL: "=",
}
_RATIO = ("units", "maybe", "complete", "n", "d", "n_low", "n_high", "n_open", "d_low", "d_high", "d_open")
_TOTAL = ("units", "maybe", "complete", "n", "n_low", "n_high", "n_open")
_SHARE = ("units", "maybe", "true", "false", "maybe_true", "maybe_false")


def slots_of(measure: Measure) -> tuple[str, ...]:
    """Return the names of a measure's sums."""
    match measure:
        case Ratio():
            return _RATIO
        case Total():
            return _TOTAL
        case Share() | Count():
            return _SHARE


@attrs.frozen
class _Truth:
    """A condition in three values: surely true, surely false, and the rest unknown."""

    true: Bool
    false: Bool


@attrs.frozen
class Program:
    """What to add up for some measures, and where each measure finds its sums."""

    measures: tuple[Measure, ...]
    """The measures, in the order they were given."""
    features: tuple[Int, ...]
    """Distinct expressions to be summed."""
    places: tuple[tuple[int, ...], ...]
    """For each measure and each of its slots, the position in `features`."""

    def slots(self, index: int, sums: tuple[int, ...]) -> dict[str, int]:
        """Return the named sums of a measure from the summed features."""
        names = slots_of(self.measures[index])
        return {name: sums[place] for name, place in zip(names, self.places[index], strict=True)}


@attrs.frozen
class _Compiler:
    """Turns measures into expressions over columns that are known to have, or to lack, missing cells."""

    variables: Variables
    nullable: frozenset[str]
    remainder: bool
    columns_there: frozenset[str]
    made: dict[Any, Any] = attrs.field(factory=dict, init=False)
    """What many measures have in common: each is written, simplified and hashed once."""

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Return what was made for a key, made now if it is the first time."""
        if key not in self.made:
            self.made[key] = make()
        found: T = self.made[key]
        return found

    def known(self, name: str) -> Bool:
        if name == UNITS_COLUMN:
            return TRUE
        column = self.variables[name].id
        return self.once(("known", column), lambda: Known(column)) if column in self.nullable else TRUE

    def column(self, name: str) -> Int:
        if name == UNITS_COLUMN:
            return self.unit()
        column = self.variables[name].id
        return self.once(("column", column), lambda: Col(column))

    def all_known(self, names: Iterable[str]) -> Bool:
        return conjunction(self.known(name) for name in names)

    def unit(self) -> Int:
        """1 for a community, 0 for a remainder row."""
        return self.once("unit", lambda: when(self.is_unit(), Lit(1)))

    def is_unit(self) -> Bool:
        return compare(Col(REMAINDER), "=", ZERO) if self.remainder else TRUE

    def truth(self, condition: Condition) -> _Truth:
        match condition:
            case Is():
                variable = self.variables[condition.variable]
                known = self.known(condition.variable)
                if variable.id in LEVELS:
                    numbers = {region_number(code, variable.id) for code in condition.values}
                else:
                    numbers = {variable.number_of(value) for value in condition.values}
                test = In(variable.id, tuple(sorted(numbers)))
                return _Truth(conjunction((known, test)), conjunction((known, negation(test))))
            case Compare():
                return self.comparison(condition)
            case AllOf():
                parts = [self.truth(part) for part in condition.conditions]
                return _Truth(conjunction(p.true for p in parts), disjunction(p.false for p in parts))
            case AnyOf():
                parts = [self.truth(part) for part in condition.conditions]
                return _Truth(disjunction(p.true for p in parts), conjunction(p.false for p in parts))
            case AtLeast():
                parts = [self.truth(part) for part in condition.conditions]
                needed, spare = condition.count, len(parts) - condition.count
                return _Truth(
                    compare(add(when(p.true, Lit(1)) for p in parts), ">=", Lit(needed)),
                    compare(add(when(p.false, Lit(1)) for p in parts), ">", Lit(spare)),
                )

    def comparison(self, condition: Compare) -> _Truth:
        """Cross-multiply, so that no division and no fraction is left; a zero denominator is unknown."""
        unit = (
            measure_unit(Ratio(numerator=condition.numerator, denominator=condition.denominator), self.variables)
            if condition.denominator
            else measure_unit(Total(of=condition.numerator), self.variables)
        )
        # n / qn ≥ value · d / qd, with qn and qd the quanta per unit, becomes left · n ≥ right · d.
        right = condition.value.value_in(unit) * quanta_of(condition.numerator, self.variables)
        left = quanta_of(condition.denominator, self.variables) if condition.denominator else Fraction(1)
        common = math.lcm(left.denominator, right.denominator)
        factors = int(left * common), int(right * common)
        shared = math.gcd(*factors) or 1
        numerator = add(self.column(name) for name in condition.numerator)
        denominator = add(self.column(name) for name in condition.denominator) if condition.denominator else Lit(1)
        test = compare(
            scale(factors[0] // shared, numerator), _OPS[condition.comparator], scale(factors[1] // shared, denominator)
        )
        reported = self.all_known((*condition.numerator, *condition.denominator))
        defined = compare(denominator, ">", ZERO)
        decided = conjunction((reported, defined))
        return _Truth(conjunction((decided, test)), conjunction((decided, negation(test))))

    def scope(self, where: tuple[Is, ...]) -> tuple[Bool, Bool]:
        """Return “surely in scope” and “perhaps in scope”."""
        return self.once(("scope", where), lambda: self._scope(where))

    def _scope(self, where: tuple[Is, ...]) -> tuple[Bool, Bool]:
        truths = [self.truth(test) for test in where]
        sure = conjunction(truth.true for truth in truths)
        out = disjunction(truth.false for truth in truths)
        return sure, conjunction((negation(sure), negation(out))) if sure != TRUE else FALSE

    def upper(self, name: str) -> tuple[Bool, Int]:
        """Return whether a cell has an upper limit, and the limit: itself if known, else its whole's."""
        return self.once(("upper", name), lambda: self._upper(name))

    def _upper(self, name: str) -> tuple[Bool, Int]:
        known, column = self.known(name), self.column(name)
        whole = self.variables[name].part_of if name != UNITS_COLUMN else None
        if known == TRUE or whole not in self.columns_there:
            return known, when(known, column)
        limited, limit = self.upper(self.variables.sibling(name, whole))
        return disjunction((known, limited)), add((when(known, column), when(negation(known), limit)))

    def sums(self, names: tuple[str, ...], sure: Bool, maybe: Bool) -> dict[str, Int]:
        """Return the low, high and open slots of a sum of variables."""
        return self.once((names, sure, maybe), lambda: self._sums(names, sure, maybe))

    def _sums(self, names: tuple[str, ...], sure: Bool, maybe: Bool) -> dict[str, Int]:
        either = disjunction((sure, maybe))
        uppers = [self.upper(name) for name in names]
        low = add(when(self.known(name), self.column(name)) for name in names)
        return {
            "low": when(sure, low),
            "high": when(either, add(limit for _, limit in uppers)),
            "open": when(conjunction((either, negation(conjunction(known for known, _ in uppers)))), Lit(1)),
        }

    def ratio(self, measure: Ratio | Total) -> dict[str, Int]:
        numerator = measure.numerator if isinstance(measure, Ratio) else measure.of
        denominator = measure.denominator if isinstance(measure, Ratio) else ()
        sure, maybe = self.scope(measure.where)
        complete = conjunction((sure, self.all_known((*numerator, *denominator))))
        above = self.sums(numerator, sure, maybe)
        slots = {
            "units": when(sure, self.unit()),
            "maybe": when(maybe, self.unit()),
            "complete": when(complete, self.unit()),
            "n": when(complete, add(self.column(name) for name in numerator)),
            **{f"n_{name}": term for name, term in above.items()},
        }
        if isinstance(measure, Ratio):
            below = self.sums(denominator, sure, maybe)
            slots["d"] = when(complete, add(self.column(name) for name in denominator))
            slots |= {f"d_{name}": term for name, term in below.items()}
        return slots

    def share(self, measure: Share | Count) -> dict[str, Int]:
        sure, maybe = self.scope(measure.where)
        truth = self.truth(measure.condition)
        unit = self.unit()
        return {
            "units": when(sure, unit),
            "maybe": when(maybe, unit),
            "true": when(conjunction((sure, truth.true)), unit),
            "false": when(conjunction((sure, truth.false)), unit),
            "maybe_true": when(conjunction((maybe, truth.true)), unit),
            "maybe_false": when(conjunction((maybe, truth.false)), unit),
        }


def compile_program(
    measures: Iterable[Measure],
    variables: Variables,
    *,
    nullable: Iterable[str] | None = None,
    remainder: bool = False,
    columns: Iterable[str] | None = None,
) -> Program:
    """Compile measures into the sums that decide them.

    Args:
        measures: What is to be counted, all of one table.
        variables: The columns they are made of.
        nullable: Columns with missing cells; None takes every one for possibly missing.
        remainder: Whether the table has rows that are no community.
        columns: Columns that the table has; a whole that it does not have limits none of its parts. None: all.

    Raises:
        MeasureError: If a measure cannot be compiled.
        DimensionError: If a condition's value is of another dimension than its variables.
        NotFoundError: If a variable or a category value does not exist.
        PlanFaults: Several of these.
    """
    listed = tuple(measures)
    every = {variable.id for variable in variables.values()}
    missing = frozenset(every if nullable is None else nullable)
    there = frozenset(every if columns is None else columns)
    compiler = _Compiler(variables, missing, remainder, there)
    faults: list[CommunityPlanError] = []
    features: dict[Int, int] = {}
    places = []
    tables: set[TableName] = set()
    for measure in listed:
        try:
            tables.add(variables.table_of(variables_of(measure)))
            if len(tables) > 1:
                raise MeasureError("expected measures of one table, got communities and townships together")
            terms = compiler.ratio(measure) if isinstance(measure, Ratio | Total) else compiler.share(measure)
        except CommunityPlanError as error:
            faults.append(error)
            continue
        places.append(tuple(features.setdefault(terms[slot], len(features)) for slot in slots_of(measure)))
    raise_faults(faults, subject="The measures cannot be compiled", group=PlanFaults)
    return Program(listed, tuple(features), tuple(places))
