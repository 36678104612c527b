"""Meaning checks: whether what a plan's entries say can be counted, compared and met."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import attrs

from community_plan.commitments import Commitment
from community_plan.entry import MAX_QUANTA, MISSING_WORDS
from community_plan.errors import CommunityPlanError, MeasureError, NotFoundError, Place
from community_plan.measures import (
    Comparator,
    Is,
    Share,
    check_digits,
    check_measure,
    check_test,
    counted_table,
    variables_of,
)
from community_plan.plan_checks import changed_targets
from community_plan.plan_files import Contents, Entry, FolderReader, walk
from community_plan.sources import Text
from community_plan.targets import Indicator, Target
from community_plan.units import Quantity, Unit
from community_plan.variables import KIND_OF, UNITS_COLUMN, Variable, Variables, normalise_word
from community_plan.verdicts import Goal, Verdict, judge_bounds, scale_of

__all__ = ["check_meaning"]

_ONE = (Quantity(Fraction(1), Unit.parse("个")), Quantity(Fraction(1), Unit.parse("人")))
_AMOUNTS = (("value",), ("upper",), ("baseline", "value"))


def check_meaning(read: FolderReader, contents: Contents, known: Variables) -> None:
    """Check words, quanta, measures and units: of every variable, indicator, target, reading and commitment.

    Args:
        read: Collects what is wrong.
        contents: The entries of a plan.
        known: Its variables.
    """
    # Variables with a fault that has been reported: what names them has none.
    lost = read.lost.get("variables", set()) | {str(entry.id) for entry in contents.variables if entry.value is None}
    _check_words(read, contents)
    for entry in contents.variables:
        _check_derivation(read, entry, known)
        if not _check_quanta(read, entry, known):
            lost |= {str(entry.id), f"{entry.part('table')}.{entry.id}"}
    left = Variables(tuple(variable for variable in known.values() if variable.id not in lost))
    _Meaning(read, left, frozenset(lost)).check(contents)


@attrs.define
class _Meaning:
    """The checks of what is said of variables that are sound themselves."""

    read: FolderReader
    known: Variables
    lost: frozenset[str]
    units: dict[str | None, Any] = attrs.field(factory=dict)
    """Units of the indicators, by id."""
    sound: dict[str, Indicator] = attrs.field(factory=dict)
    """Indicators whose measure is sound, by id."""

    def check(self, contents: Contents) -> None:
        for entry in contents.indicators:
            self.units[entry.id] = entry.part("unit")
            indicator = entry.value
            if indicator is not None:
                checked = functools.partial(check_measure, indicator.measure, indicator.unit, self.known)
                if self.attempt(checked, entry.place("measure")):
                    self.sound[indicator.id] = indicator
        for target in contents.targets:
            for keys in _AMOUNTS:
                self.check_unit(target.part(*keys), target.part("indicator"), target.place(*keys))
            for test in target.part("scope") or ():
                self.check_test(test, target.place("scope", test.variable))
            if target.value is not None:
                self.check_target(target.value, target.place("indicator"), target.place("value"))
        for reading, path, changed in changed_targets(contents):
            place = reading.place(*path)
            for keys in _AMOUNTS:
                self.check_unit(walk(changed, keys), changed.indicator, reading.place(*path, *keys))
            for test in changed.scope:
                self.check_test(test, place)
            self.check_target(changed, place, place)
        for commitment in contents.commitments:
            self.check_where(commitment)

    def attempt(self, act: Callable[[], object], place: Place) -> bool:
        """Do something; tell what is wrong, and say whether nothing is."""
        try:
            act()
        except CommunityPlanError as error:
            if not (isinstance(error, NotFoundError) and error.name in self.lost):
                self.read.wrong(str(error), place)
            return False
        return True

    def check_unit(self, value: Any, indicator: str | None, place: Place) -> None:
        _check_unit(self.read, value, self.units.get(indicator), place)

    def check_test(self, test: Is, place: Place) -> bool:
        return self.attempt(functools.partial(check_test, test, self.known), place)

    def check_target(self, target: Target, scope: Place, value: Place) -> None:
        """Check that there is something in a target's scope, and that it can be met."""
        indicator = self.sound.get(target.indicator)
        if indicator is None:
            return
        if self.attempt(functools.partial(_check_scope, target, indicator, self.known), scope):
            self.attempt(functools.partial(_check_reach, target, indicator, self.known), value)

    def check_where(self, commitment: Entry[Commitment]) -> None:
        """Check that the regions that owe a commitment are narrowed by what their codes tell."""
        by_code = ["county_kind", "setting"] if commitment.part("owed_by") == "community" else ["county_kind"]
        for test in commitment.part("where") or ():
            place = commitment.place("where", test.variable)
            if test.variable in by_code:
                self.check_test(test, place)
            else:
                problem = f"expected {' or '.join(by_code)}, which codes tell, got {test.variable!r}"
                self.read.wrong(problem, place)


def _check_words(read: FolderReader, contents: Contents) -> None:
    """Check that a header names one variable of its table, and a word one value of its category."""
    headers: dict[tuple[Any, str], str | None] = {}
    for entry in contents.variables:
        variable = entry.value
        if variable is None:
            continue
        if variable.table == "communities" and (variable.id == UNITS_COLUMN or "." in variable.id):
            read.wrong(f"id {variable.id!r} is taken: it names what is no column of communities", entry.place("id"))
        for word in _words(variable.id, variable.label, variable.synonyms):
            other = headers.setdefault((variable.table, normalise_word(word)), variable.id)
            if other != variable.id:
                read.wrong(f"header {word!r} is taken by variable {other!r}", entry.place("id"))
        taken: dict[str, int] = {}
        for number, value in enumerate(variable.values):
            place = entry.place("values", number)
            for word in _words(value.id, value.label, value.synonyms):
                plain = normalise_word(word)
                if plain in MISSING_WORDS:
                    read.wrong(f"{word!r} cannot be a value: it says that a cell is not reported", place)
                if taken.setdefault(plain, number) != number:
                    read.wrong(f"{word!r} is taken by value {variable.values[taken[plain]].id!r}", place)


def _words(name: str, label: Text, synonyms: Iterable[str]) -> list[str]:
    """Return the words that stand for one thing, of those that are alike the first."""
    words: dict[str, str] = {}
    for word in (name, label.zh, label.en, *synonyms):
        words.setdefault(normalise_word(word), word)
    return list(words.values())


def _check_quanta(read: FolderReader, entry: Entry[Variable], known: Variables) -> bool:
    """Check a variable's quantum against its unit and its whole; say whether it fits the unit."""
    unit, quantum = entry.part("unit"), entry.part("quantum")
    if unit is None or quantum is None:
        return True
    if not quantum.unit.same_dimension(unit):
        read.wrong(f"expected a unit such as {unit or 'none'}, got {quantum.unit or 'none'}", entry.place("quantum"))
        return False
    if quantum.magnitude <= 0:
        return False  # told already
    if not Fraction(1, MAX_QUANTA) <= unit.factor(quantum.unit) / quantum.magnitude <= MAX_QUANTA:
        read.wrong(f"expected from 2^-50 to 2^50 quanta in one {unit or 'unit'}", entry.place("quantum"))
        return False
    name = entry.part("part_of")
    whole = None if name is None else known.of_table(entry.part("table")).get(name)
    if whole is not None and whole.quantum != quantum:
        problem = f"expected a quantum of {quantum}, as the part has, got {whole.quantum} of {name!r}"
        read.wrong(problem, entry.place("part_of"))
    return True


def _check_derivation(read: FolderReader, entry: Entry[Variable], known: Variables) -> None:
    """Check that a register has what a variable follows from, in the steps that the variable is kept in."""
    variable = entry.value
    if variable is None or variable.derive is None:
        return
    derive = variable.derive
    register = known.of_table(derive.table)
    if variable.table not in ("communities", "townships") or variable.type != "quantity":
        read.wrong("expected a quantity of communities or townships", entry.place("derive"))
    if not derive.kinds:
        read.wrong("expected at least one kind, got none", entry.place("derive", "kinds"))
    for index, kind in enumerate(derive.kinds):
        try:
            register[KIND_OF[derive.table]].number_of(kind)
        except NotFoundError as error:
            read.wrong(str(error), entry.place("derive", "kinds", index))

    def column(name: str, place: Place) -> Variable | None:
        found = register.get(name)
        if found is None:
            read.wrong(str(NotFoundError(f"variable of {derive.table}", name, register)), place)
        elif found.quantum is None:
            read.wrong(f"variable {name!r} is a {found.type}, not a quantity", place)
        return found

    if derive.sum is None:
        if variable.quantum not in _ONE:
            read.wrong(f"expected a quantum of 1 for a number of rows, got {variable.quantum}", entry.place("derive"))
    else:
        summed = column(derive.sum, entry.place("derive", "sum"))
        if summed is not None and summed.quantum is not None and summed.quantum != variable.quantum:
            problem = f"expected a quantum of {summed.quantum}, as {summed.id!r} has, got {variable.quantum}"
            read.wrong(problem, entry.place("derive", "sum"))
    if derive.at_least is not None:
        tested = column(derive.at_least.column, entry.place("derive", "at_least", "column"))
        if tested is not None and tested.quantum is not None:
            _check_unit(read, derive.at_least.value, tested.unit, entry.place("derive", "at_least", "value"))


def _check_scope(target: Target, indicator: Indicator, known: Variables) -> None:
    """Check that a target counts the rows of one table, and that something may be in its scope.

    Raises:
        MeasureError: If it does not.
    """
    measure = target.measure_of(indicator)
    if not all(name in known for name in variables_of(measure)):
        return  # told where it is named
    counted_table(measure, known)
    left: dict[str, set[str]] = {}
    for test in measure.where:
        left[test.variable] = left.get(test.variable, {*test.values}) & {*test.values}
        if not left[test.variable]:
            raise MeasureError(f"nothing is in scope: no {test.variable} is one that all tests name")


def _check_reach(target: Target, indicator: Indicator, known: Variables) -> None:
    """Check that some value meets a target, and that every value can be held against it.

    Raises:
        MeasureError: If not.
    """
    measure = target.measure_of(indicator)
    baseline = None if target.baseline is None else target.baseline.value
    for amount in (target.value, target.upper, baseline):
        if amount is None:
            continue
        if not amount.unit.same_dimension(indicator.unit):
            return  # told where it stands
        if amount.magnitude < 0:
            raise MeasureError(f"expected 0 or more, got {amount}")
    if not all(name in known for name in variables_of(measure)):
        return
    scale, goal = scale_of(indicator, measure, known), Goal.of(target, indicator.unit)
    one = scale.value
    for amount, limit in ((target.value, goal.floor), (target.upper or target.value, goal.ceiling)):
        check_digits(amount, limit.denominator * one.numerator, limit.numerator * one.denominator)
    if goal.ceiling < goal.floor:
        raise MeasureError(f"expected an upper value of at least {target.value}, got {target.upper}")
    if target.comparator is Comparator.MAINTAIN and baseline is not None and baseline != target.value:
        raise MeasureError(f"expected the baseline that is maintained, {baseline}, got {target.value}")
    most = 1 if isinstance(measure, Share) else scale.limit
    if judge_bounds(Fraction(0), None if most is None else most * one, goal) is Verdict.NOT_MET:
        raise MeasureError(f"expected what a value can meet, got {target.text()}")


def _check_unit(read: FolderReader, value: Quantity | Any, unit: Unit | None, place: Place) -> None:
    if isinstance(value, Quantity) and unit is not None and not value.unit.same_dimension(unit):
        read.wrong(f"expected a unit such as {unit}, got {value.unit or 'none'}", place)
