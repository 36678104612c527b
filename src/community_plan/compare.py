"""Compare: the targets of several plans for the same indicator, side by side, and which asks for more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from community_plan.documents import json_text
from community_plan.errors import DataError, NotFoundError
from community_plan.loader import load_plan
from community_plan.measures import Comparator, Count, Measure, Total
from community_plan.plan import Plan
from community_plan.sources import Text
from community_plan.targets import Indicator, Target
from community_plan.units import Lang, Unit
from community_plan.variables import Variables

__all__ = ["Cell", "Comparison", "ComparisonRow", "Incomparable", "Relation", "compare_plans"]


class Relation(StrEnum):
    """How a plan's target stands to the one it is compared with."""

    STRICTER = "stricter"
    """It asks for more."""
    EQUAL = "equal"
    """It asks for the same."""
    LOOSER = "looser"
    """It asks for less."""
    NOT_COMPARABLE = "not_comparable"
    """Neither can be said; the reason stands beside it."""


class Incomparable(StrEnum):
    """Why two targets cannot be compared."""

    NOT_SET = "not_set"
    """The plan, as far as it is held, sets no target for the indicator."""
    DIFFERENT_SCOPE = "different_scope"
    """The plan sets one for the same indicator over other communities."""
    DIFFERENT_DUE = "different_due"
    """The plan sets one for the same indicator by another year."""
    OTHER_INDICATOR = "other_indicator"
    """The plan counts the same thing under another indicator, or another thing under the same id."""
    DIFFERENT_DIRECTION = "different_direction"
    """One is a floor, the other a ceiling, a range or an exact value; or both are exact values and differ."""
    RANGE = "range"
    """Both are ranges, and they differ."""
    DEFERENCE = "deference"
    """One adopts the target of a third plan, which the other does not."""
    APPROXIMATE = "approximate"
    """One is a round figure (左右), and the other is not the same round figure."""

    def text(self, lang: Lang = "zh") -> str:
        """Return the reason for people."""
        return _REASONS[self.value].get(lang)


_REASONS = {
    "not_set": Text("未设此项目标", "no such target is held"),
    "different_scope": Text("范围不同", "another scope"),
    "different_due": Text("期限不同", "due in another year"),
    "other_indicator": Text("指标不同", "another indicator"),
    "different_direction": Text("比较方向不同", "another direction"),
    "range": Text("区间不同", "ranges that differ"),
    "deference": Text("沿用上位目标", "adopts a third plan's target"),
    "approximate": Text("约数", "a round figure"),
}


@attrs.frozen(kw_only=True)
class Cell:
    """What one plan asks for in one row, and how that stands to the row's reference."""

    plan: str
    """Id of the plan."""
    target: Target | None
    """Its target; None if it sets none for the row."""
    value: Fraction | None
    """Value of the target; the lower end of a range. [unit of the row]"""
    upper: Fraction | None
    """Upper end of a range. [unit of the row]"""
    relation: Relation
    """How it stands to the reference; the reference is equal to itself."""
    reason: Incomparable | None = None
    """Why it cannot be compared."""
    notes: tuple[Text, ...] = ()
    """What the relation leaves out of account, such as a softening word."""
    related: tuple[str, ...] = ()
    """Other targets of the plan on the matter: of a wider or narrower scope, another year, or less strict."""


@attrs.frozen(kw_only=True)
class ComparisonRow:
    """One indicator over one scope and due in one year, with a cell for each plan."""

    indicator: Indicator
    """The indicator, as the reference has it."""
    scope: Mapping[str, tuple[str, ...]]
    """Category variable to the values that are in scope; empty: every community."""
    year: int
    """Year in which the targets are due."""
    unit: Unit
    """Unit of every value in the row."""
    reference: str
    """Id of the first plan that sets a target here; the others are held against it."""
    cells: tuple[Cell, ...]
    """A cell for each plan, in the order given."""

    def cell(self, plan: str) -> Cell:
        """Return the cell of a plan.

        Raises:
            NotFoundError: If the plan is not compared.
        """
        for cell in self.cells:
            if cell.plan == plan:
                return cell
        raise NotFoundError("plan in this comparison", plan, [cell.plan for cell in self.cells])


@attrs.frozen(kw_only=True)
class Comparison:
    """Targets of several plans side by side. Make one with `compare_plans`."""

    plans: tuple[str, ...]
    """Ids of the plans, in the order given."""
    rows: tuple[ComparisonRow, ...] = attrs.field(repr=False)
    """In the order of the first plan that sets the target, then of the next."""

    def __iter__(self) -> Iterator[ComparisonRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, indicator: str) -> tuple[ComparisonRow, ...]:
        """Return the rows of an indicator: one for each scope and year."""
        return tuple(row for row in self.rows if row.indicator.id == indicator)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a dict for each cell, row by row: exact numbers as `Fraction`, the rest as plain values."""
        return [
            {
                "indicator": row.indicator.id,
                "scope": {name: list(values) for name, values in row.scope.items()},
                "year": row.year,
                "unit": str(row.unit),
                "reference": row.reference,
                "plan": cell.plan,
                "target": None if cell.target is None else cell.target.id,
                "comparator": None if cell.target is None else cell.target.comparator.value,
                "value": cell.value,
                "upper": cell.upper,
                "hedge": None if cell.target is None else cell.target.hedge,
                "defers_to": None if cell.target is None else cell.target.defers_to,
                "relation": cell.relation.value,
                "reason": None if cell.reason is None else cell.reason.value,
                "notes": [note.en for note in cell.notes],
                "related": list(cell.related),
            }
            for row in self.rows
            for cell in row.cells
        ]

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dicts` as JSON; exact numbers are text that `Fraction` reads: a decimal, or `p/q`."""
        return json_text(self.to_dicts(), indent)


def compare_plans(plans: Iterable[Plan | str | Path]) -> Comparison:
    """Put the plans' targets for the same indicator side by side, each held against the first plan that has one.

    Targets stand in one row if they count the same thing over the same scope and are due in the same year; a plan
    that sets several there counts with its strictest. Only the promise is compared: for a floor the higher value is
    stricter, for a ceiling the lower, and more than 30 is stricter than at least 30.

    >>> comparison = compare_plans(["shangqiu-14fyp", "national-14fyp", "hubei-14fyp"])
    >>> [row] = comparison.of("facility-area-per-100-households")
    >>> for cell in row.cells:
    ...     print(cell.plan, cell.target.text("en"), cell.relation)
    shangqiu-14fyp > 30 m²/100 households equal
    national-14fyp ≥ 30 m²/100 households looser
    hubei-14fyp > 30 m²/100 households equal

    Args:
        plans: Plans, or ids and folders that `load_plan` takes.

    Returns:
        A row for each indicator, scope and year for which one of the plans sets a target.

    Raises:
        DataError: If fewer than two plans are given.
        NotFoundError: If there is no plan of an id.
        PlanError: For a fault in a plan's folder.
    """
    if isinstance(plans, str | Plan):
        raise DataError(
            "expected several plans, got one", mend="give a list, such as ['shangqiu-14fyp', 'hubei-14fyp']"
        )
    loaded = [plan if isinstance(plan, Plan) else load_plan(plan) for plan in plans]
    if len(loaded) < 2:
        raise DataError(f"expected two plans or more, got {len(loaded)}")
    promises = [_promises(plan) for plan in loaded]
    keys = dict.fromkeys(promise.key for each in promises for promise in each)
    return Comparison(plans=tuple(plan.id for plan in loaded), rows=tuple(_row(key, loaded, promises) for key in keys))


@attrs.frozen
class _Key:
    """What has to be the same for two targets to stand in one row."""

    what: Measure
    """What is counted, without its scope."""
    scope: tuple[tuple[str, tuple[str, ...]], ...]
    year: int


@attrs.frozen
class _Promise:
    """A target with what it counts, taken apart."""

    key: _Key
    target: Target
    indicator: Indicator


def _promises(plan: Plan) -> list[_Promise]:
    found = []
    for target in plan.targets.values():
        measure = plan.measure_of(target)
        key = _Key(attrs.evolve(measure, where=()), _scope(measure, plan.variables), target.due.year)
        found.append(_Promise(key, target, plan.indicators[target.indicator]))
    return found


def _scope(measure: Measure, variables: Variables) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the scope in one form: a variable at a time, its values in the order of their numbers."""
    allowed: dict[str, set[str]] = {}
    for test in measure.where:
        allowed[test.variable] = allowed.get(test.variable, set(test.values)) & set(test.values)
    return tuple((name, tuple(sorted(allowed[name], key=variables[name].number_of))) for name in sorted(allowed))


def _row(key: _Key, plans: list[Plan], promises: list[list[_Promise]]) -> ComparisonRow:
    here = [[promise for promise in each if promise.key == key] for each in promises]
    chosen = [_strictest(each) for each in here]
    first = next(place for place, promise in enumerate(chosen) if promise is not None)
    reference = chosen[first]
    assert reference is not None  # a key comes from a promise
    unit = reference.indicator.unit
    cells = []
    for place, (plan, promise) in enumerate(zip(plans, chosen, strict=True)):
        target = None if promise is None else promise.target
        relation, reason, notes = _relation(target or reference.target, reference.target, unit)
        if target is None:
            relation = Relation.NOT_COMPARABLE
            reason, related = _why_not(key, reference.indicator, promises[place])
        else:
            if isinstance(key.what, Count | Total) and plan.id != plans[first].id:
                notes = (*notes, _ABSOLUTE)
            related = tuple(other.target.id for other in here[place] if other is not promise)
        cells.append(
            Cell(
                plan=plan.id,
                target=target,
                value=None if target is None else target.value.value_in(unit),
                upper=None if target is None or target.upper is None else target.upper.value_in(unit),
                relation=relation,
                reason=reason,
                notes=notes,
                related=related,
            )
        )
    return ComparisonRow(
        indicator=reference.indicator,
        scope=dict(key.scope),
        year=key.year,
        unit=unit,
        reference=plans[first].id,
        cells=tuple(cells),
    )


def _strictest(promises: list[_Promise]) -> _Promise | None:
    """Return the promise that binds: the strictest of those that can be held against the first, and that if none is."""
    if not promises:
        return None
    best = promises[0]
    for other in promises[1:]:
        if _relation(other.target, best.target, best.indicator.unit)[0] is Relation.STRICTER:
            best = other
    return best


def _why_not(key: _Key, indicator: Indicator, promises: list[_Promise]) -> tuple[Incomparable, tuple[str, ...]]:
    """Return why a plan has no target in a row, with those of its targets that come nearest."""
    same = [promise for promise in promises if promise.key.what == key.what]
    sieve = {
        Incomparable.DIFFERENT_DUE: [promise for promise in same if promise.key.scope == key.scope],
        Incomparable.DIFFERENT_SCOPE: [promise for promise in same if promise.indicator.id == indicator.id],
        Incomparable.OTHER_INDICATOR: [
            *(promise for promise in same if _overlap(promise.key, key)),
            *(promise for promise in promises if promise.indicator.id == indicator.id),
        ],
    }
    for reason, near in sieve.items():
        if near:
            return reason, tuple(promise.target.id for promise in near)
    return Incomparable.NOT_SET, ()


def _overlap(one: _Key, other: _Key) -> bool:
    """Say whether a community can be in both scopes."""
    mine = dict(one.scope)
    return all(set(mine.get(name, values)) & set(values) for name, values in other.scope)


_FLOORS = (Comparator.AT_LEAST, Comparator.MORE_THAN, Comparator.MAINTAIN)
_CEILINGS = (Comparator.AT_MOST, Comparator.LESS_THAN)
_STRICT = (Comparator.MORE_THAN, Comparator.LESS_THAN)
_ABSOLUTE = Text("绝对数，未计地区大小", "an absolute amount; the size of the region is left out of account")


def _direction(comparator: Comparator) -> str:
    return "floor" if comparator in _FLOORS else "ceiling" if comparator in _CEILINGS else comparator.value


def _relation(target: Target, other: Target, unit: Unit) -> tuple[Relation, Incomparable | None, tuple[Text, ...]]:
    """Return how a target stands to another on the same measure."""
    notes = _notes(target, other)

    def apart(reason: Incomparable) -> tuple[Relation, Incomparable | None, tuple[Text, ...]]:
        return Relation.NOT_COMPARABLE, reason, notes

    if target.defers_to != other.defers_to:
        return apart(Incomparable.DEFERENCE)
    direction = _direction(target.comparator)
    if direction != _direction(other.comparator):
        return apart(Incomparable.DIFFERENT_DIRECTION)
    mine, its = _ends(target, unit), _ends(other, unit)
    strict, strict_other = (each.comparator in _STRICT for each in (target, other))
    if mine == its and strict == strict_other and target.approximate == other.approximate:
        return Relation.EQUAL, None, notes
    if target.approximate or other.approximate:
        return apart(Incomparable.APPROXIMATE)
    if direction == Comparator.RANGE.value:
        return apart(Incomparable.RANGE)
    if direction == Comparator.EQUAL.value:
        return apart(Incomparable.DIFFERENT_DIRECTION)
    more = strict if mine == its else (mine[0] > its[0]) == (direction == "floor")
    return (Relation.STRICTER if more else Relation.LOOSER), None, notes


def _ends(target: Target, unit: Unit) -> tuple[Fraction, Fraction | None]:
    return target.value.value_in(unit), None if target.upper is None else target.upper.value_in(unit)


def _notes(target: Target, other: Target) -> tuple[Text, ...]:
    """Return what a relation of values leaves out of account."""
    notes = []
    if target.hedge != other.hedge:
        mine, its = (Text(f"“{t.hedge}”", f"hedged ({t.hedge})") if t.hedge else _FIRM for t in (target, other))
        notes.append(Text(f"措辞{mine.zh}，对照者{its.zh}", f"{mine.en}, the reference {its.en}"))
    if target.defers_to != other.defers_to:
        names = [each.defers_to or "" for each in (target, other)]
        whose = [Text(f"沿用“{name}”的目标", f"adopts the target of {name}") if name else _OWN for name in names]
        notes.append(Text(f"{whose[0].zh}，对照者{whose[1].zh}", f"{whose[0].en}, the reference {whose[1].en}"))
    if target.due != other.due:
        days = [each.due.isoformat() for each in (target, other)]
        notes.append(Text(f"期限{days[0]}，对照者{days[1]}", f"due {days[0]}, the reference {days[1]}"))
    return tuple(notes)


_FIRM = Text("确定", "firm")
_OWN = Text("自定目标", "sets its own")
