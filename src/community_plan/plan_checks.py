"""Plan checks: what no single entry can say of itself — ids, references, words, dimensions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from community_plan.documents import structure, unstructure
from community_plan.entry import MAX_QUANTA, MISSING_WORDS
from community_plan.errors import (
    CommunityPlanError,
    MeasureError,
    NotFoundError,
    Place,
    PlanError,
)
from community_plan.measures import (
    Comparator,
    Share,
    check_digits,
    check_measure,
    check_test,
    counted_table,
    variables_of,
)
from community_plan.plan_files import (
    Contents,
    Entry,
    FolderReader,
    walk,
)
from community_plan.sources import ADOPTED, Discrepancy, Text
from community_plan.targets import Indicator, Target
from community_plan.toml_files import PathKey
from community_plan.units import Quantity, Unit
from community_plan.variables import KIND_OF, UNITS_COLUMN, Variable, Variables, normalise_word
from community_plan.verdicts import Goal, Verdict, judge_bounds, scale_of

__all__ = ["CHECKS", "check_dimensions"]


def _check_ids(read: FolderReader, contents: Contents) -> None:
    """Check that every id is given once."""
    for entries in (
        contents.variables,
        contents.indicators,
        contents.targets,
        contents.discrepancies,
        contents.commitments,
    ):
        read.unique(entries)


def _check_document(read: FolderReader, contents: Contents) -> None:
    """Check that the plan's period does not end before it starts."""
    document = contents.document
    if document is not None and document.end < document.start:
        problem = f"expected a day not before the start {document.start}, got {document.end}"
        read.wrong(problem, Place(file=str(read.folder / "plan.toml"), line=1, key="end"))


def _check_variables(read: FolderReader, contents: Contents) -> None:
    """Check that a variable has what its type needs, and that parts and wholes stand in one table and end somewhere."""
    by_key = {(entry.part("table"), entry.id): entry for entry in contents.variables}
    told: set[tuple[Any, Any]] = set()
    for key, entry in by_key.items():
        table, name = key
        kind = entry.part("type")
        quantum = entry.part("quantum")
        if not isinstance(entry.raw, Mapping):
            continue
        if kind == "quantity" and "quantum" not in entry.raw:
            read.wrong("expected a quantum for a quantity", entry.place("type"))
        if quantum is not None and quantum.magnitude <= 0:
            read.wrong("expected a quantum above 0", entry.place("quantum"))
        if kind == "category" and not entry.raw.get("values"):
            read.wrong("expected values for a category", entry.place("type"))
        whole = entry.part("part_of")
        if whole is not None and (table, whole) not in by_key:
            near = [str(other) for place, other in by_key if place == table]
            read.wrong(str(NotFoundError(f"variable of {table}", whole, near)), entry.place("part_of"))
        chain = [key]
        while whole is not None and (table, whole) in by_key and (table, whole) not in chain:
            chain.append((table, whole))
            whole = by_key[table, whole].part("part_of")
        if whole == name and key not in told:
            told.update(chain)
            circle = " › ".join([*(str(part) for _, part in chain), str(name)])
            read.wrong(f"a whole cannot be a part of its own part: {circle}", entry.place("part_of"))


def _check_targets(read: FolderReader, contents: Contents) -> None:
    """Check that what a target names exists, and that what it quotes stands in the source."""
    for entry in contents.targets:
        indicator = entry.part("indicator")
        if indicator is not None:
            read.named("indicator", indicator, contents.indicators, entry.place("indicator"))
        for index, name in enumerate(entry.part("discrepancies") or ()):
            read.named("discrepancy", name, contents.discrepancies, entry.place("discrepancies", index))
        if entry.id == "main":
            read.wrong("id 'main' is taken: it stands for the table of main indicators", entry.place("id"))
        quote = entry.part("citation", "quote")
        if quote is not None and contents.text is not None and quote not in contents.text:
            read.wrong(f"the quote {quote[:40]!r} is not in source.txt", entry.place("citation", "quote"))
        for name in ("name", "target", "baseline", "attribute"):
            words = entry.part("printed", name)
            if quote is not None and words is not None and words not in quote:
                read.wrong(f"{words!r} does not stand in the quote", entry.place("printed", name))
        hedge = entry.part("hedge")
        if quote is not None and hedge is not None and hedge not in quote:
            read.wrong(f"{hedge!r} does not stand in the quote", entry.place("hedge"))
        if contents.document is not None and entry.part("defers_to") == contents.document.id:
            read.wrong("a plan cannot defer to itself", entry.place("defers_to"))
        if entry.value is not None:
            _check_ends(read, entry.value, entry.place("comparator"))


def _check_ends(read: FolderReader, target: Target, place: Place) -> None:
    if (target.upper is None) == (target.comparator is Comparator.RANGE):
        read.wrong("expected an upper value for a range, and for nothing else", place)


def _changed_targets(
    contents: Contents, read: FolderReader | None = None
) -> Iterator[tuple[Entry[Discrepancy], PathKey, Target]]:
    """Yield the targets as the readings change them, and where they do; a reader hears of what is wrong."""
    targets = {entry.id: entry.value for entry in contents.targets}
    for entry in contents.discrepancies:
        for index, reading in enumerate(entry.part("readings") or ()):
            for name, fields in reading.targets.items():
                before = targets.get(name)
                path: PathKey = ("readings", index, "targets", name)
                if before is None or "id" in fields:
                    continue
                try:
                    after = structure(
                        {**unstructure(before), **fields}, Target, document=entry.file, path=(*entry.path, *path)
                    )
                except PlanError as error:
                    if read is not None:
                        read.faults.extend(error.faults)
                else:
                    yield entry, path, after


def _check_readings(read: FolderReader, contents: Contents) -> None:
    """Check that every reading has a name of its own and makes targets of targets."""
    for entry in contents.discrepancies:
        ids = set()
        for index, reading in enumerate(entry.part("readings") or ()):
            if reading.id == ADOPTED or reading.id in ids:
                read.wrong(f"reading {reading.id!r} is taken", entry.place("readings", index, "id"))
            ids.add(reading.id)
            for name, fields in reading.targets.items():
                place = entry.place("readings", index, "targets", name)
                read.named("target", name, contents.targets, place)
                if "id" in fields:
                    read.wrong("a reading cannot change an id", place)
    for entry, path, target in _changed_targets(contents, read):
        _check_ends(read, target, entry.place(*path))
        read_place = entry.place(*path, "indicator")
        read.named("indicator", target.indicator, contents.indicators, read_place)


def _check_commitments(read: FolderReader, contents: Contents) -> None:
    """Check that every commitment has exactly the way of checking that it says, and that its words are printed."""
    lines = None if contents.text is None else contents.text.split("\n")
    for entry in contents.commitments:
        commitment = entry.value
        if commitment is not None:
            if bool(commitment.targets) != (commitment.check == "measured"):
                read.wrong("expected targets for a measured commitment, and for no other", entry.place("check"))
            if (commitment.owed_by is not None) != (commitment.check == "evidenced"):
                read.wrong("expected owed_by for an evidenced commitment, and for no other", entry.place("check"))
        for index, name in enumerate(entry.part("targets") or ()):
            read.named("target", name, contents.targets, entry.place("targets", index))
        for index, name in enumerate(entry.part("discrepancies") or ()):
            read.named("discrepancy", name, contents.discrepancies, entry.place("discrepancies", index))
        quote = entry.part("quote")
        if lines is None or quote is None:
            continue
        around = [line for line in lines if quote in line]
        if not around:
            read.wrong(f"the quote {quote[:40]!r} is not in source.txt", entry.place("quote"))
            continue
        bodies = [("responsible", body) for body in entry.part("responsible") or ()]
        for key, words in (("hedge", entry.part("hedge")), ("due_printed", entry.part("due_printed")), *bodies):
            if words is not None and not any(words in line for line in around):
                read.wrong(f"{words!r} does not stand in the line of the quote", entry.place(key))


CHECKS: tuple[Callable[[FolderReader, Contents], None], ...] = (
    _check_ids,
    _check_document,
    _check_variables,
    _check_targets,
    _check_readings,
    _check_commitments,
)


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


def check_dimensions(read: FolderReader, contents: Contents, known: Variables) -> None:
    """Check words, measures and units: of every variable, of every measure against its indicator, of every target."""
    # Variables with a fault that has been reported: what names them has none.
    lost = read.lost.get("variables", set()) | {str(entry.id) for entry in contents.variables if entry.value is None}

    def attempt(act: Callable[[], object], place: Place) -> bool:
        try:
            act()
        except CommunityPlanError as error:
            if not (isinstance(error, NotFoundError) and error.name in lost):
                read.wrong(str(error), place)
            return False
        return True

    _check_words(read, contents)
    for variable in contents.variables:
        _check_derivation(read, variable, known)
        if not _check_quanta(read, variable, known):
            lost |= {str(variable.id), f"{variable.part('table')}.{variable.id}"}
    known = Variables(tuple(variable for variable in known.values() if variable.id not in lost))
    sound = set()
    for entry in contents.indicators:
        indicator = entry.value
        if indicator is not None:
            checked = functools.partial(check_measure, indicator.measure, indicator.unit, known)
            if attempt(checked, entry.place("measure")):
                sound.add(indicator.id)
    units = {entry.id: entry.part("unit") for entry in contents.indicators}
    indicators = {entry.id: entry.value for entry in contents.indicators}
    for target in contents.targets:
        unit = units.get(target.part("indicator"))
        for keys in _AMOUNTS:
            _check_unit(read, target.part(*keys), unit, target.place(*keys))
        for test in target.part("scope") or ():
            attempt(functools.partial(check_test, test, known), target.place("scope", test.variable))
        whole = indicators.get(target.part("indicator"))
        if target.value is None or whole is None or whole.id not in sound:
            continue
        if attempt(functools.partial(_check_scope, target.value, whole, known), target.place("indicator")):
            attempt(functools.partial(_check_reach, target.value, whole, known), target.place("value"))
    for reading, path, changed in _changed_targets(contents):
        place = reading.place(*path)
        for keys in _AMOUNTS:
            _check_unit(read, walk(changed, keys), units.get(changed.indicator), reading.place(*path, *keys))
        for test in changed.scope:
            attempt(functools.partial(check_test, test, known), place)
        whole = indicators.get(changed.indicator)
        if whole is None or whole.id not in sound:
            continue
        if attempt(functools.partial(_check_scope, changed, whole, known), place):
            attempt(functools.partial(_check_reach, changed, whole, known), place)
    for commitment in contents.commitments:
        for test in commitment.part("where") or ():
            place = commitment.place("where", test.variable)
            by_code = {"county_kind", *(["setting"] if commitment.part("owed_by") == "community" else [])}
            if test.variable in by_code:
                attempt(functools.partial(check_test, test, known), place)
            else:
                told = " or ".join(sorted(by_code))
                read.wrong(f"expected {told}, which codes tell, got {test.variable!r}", place)


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


_ONE = (Quantity(Fraction(1), Unit.parse("个")), Quantity(Fraction(1), Unit.parse("人")))
_AMOUNTS = (("value",), ("upper",), ("baseline", "value"))


def _check_unit(read: FolderReader, value: Quantity | Any, unit: Unit | None, place: Place) -> None:
    if isinstance(value, Quantity) and unit is not None and not value.unit.same_dimension(unit):
        read.wrong(f"expected a unit such as {unit}, got {value.unit or 'none'}", place)
