"""Tally files: a tally as JSON that says of every integer what it means, and back, strictly."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from community_plan.documents import exact_text, structure, unstructure
from community_plan.entry import INT64_MAX, Note
from community_plan.errors import CommunityPlanError, Place, PlanError, TallyError, raise_faults
from community_plan.grouping import Grouping
from community_plan.json_files import read_json
from community_plan.measures import Is, Measure
from community_plan.programs import Slots, slots_of
from community_plan.regions import LEVELS, Level
from community_plan.tallies import Counted, Key, Tally, key_order, note_order
from community_plan.toml_files import PathKey, path_text
from community_plan.units import DIMENSIONLESS, Quantity, Unit

__all__ = ["FORMAT", "MEANINGS", "VERSION", "read_tally", "tally_text", "write_tally"]

FORMAT = "community-plan tally"
"""What a file says that it is."""
VERSION = 1
"""Version of the form; it rises when a key changes its meaning or goes."""

MEANINGS: dict[str, str] = {
    "units": "communities (or townships) surely in scope",
    "maybe": "those whose scope is not known",
    "complete": "those in scope that report everything the measure needs",
    "n": "numerator, over those that report everything",
    "d": "denominator, over those that report everything",
    "n_low": "least that the numerator can be, whatever the missing cells hold",
    "n_high": "most that the numerator can be; no limit if n_open is not 0",
    "n_open": "rows whose numerator is missing and has no limit",
    "d_low": "least that the denominator can be",
    "d_high": "most that the denominator can be; no limit if d_open is not 0",
    "d_open": "rows whose denominator is missing and has no limit",
    "true": "those in scope that satisfy the condition",
    "false": "those in scope that do not",
    "maybe_true": "those perhaps in scope that satisfy the condition",
    "maybe_false": "those perhaps in scope that do not",
}
"""What each sum of a measure is."""


@attrs.frozen(kw_only=True)
class _PlanForm:
    id: str
    version: str
    content_hash: str
    readings: Mapping[str, str]


@attrs.frozen(kw_only=True)
class _ByForm:
    levels: tuple[Level, ...]
    hidden: tuple[Level, ...]
    named: tuple[Level, ...]
    columns: tuple[str, ...]


@attrs.frozen(kw_only=True)
class _SumForm:
    name: str
    quantum: str
    unit: Unit


@attrs.frozen(kw_only=True)
class _ScopeForm:
    variable: str
    values: tuple[str, ...]


@attrs.frozen(kw_only=True)
class _MeasureForm:
    targets: tuple[str, ...]
    measure: Measure
    where: tuple[_ScopeForm, ...]
    sums: tuple[_SumForm, ...]


@attrs.frozen(kw_only=True)
class _NoteForm:
    code: str
    zh: str
    en: str
    count: int | None


@attrs.frozen(kw_only=True)
class _CellForm:
    key: tuple[str | None, ...]
    complete: bool
    sums: Any  # looked at number by number, faster than the door to cattrs would


@attrs.frozen(kw_only=True)
class _Form:
    """The top of a file; each field is a key."""

    format: str
    format_version: int
    plan: _PlanForm
    by: _ByForm
    meanings: Mapping[str, str]
    measures: tuple[_MeasureForm, ...]
    names: Mapping[str, str]
    notes: tuple[_NoteForm, ...]
    cells: tuple[_CellForm, ...]


def tally_text(tally: Tally) -> str:
    """Return a tally as JSON: the same text for the same tally, a line for each measure, name, note and cell."""
    used = dict.fromkeys(name for counted in tally.measures for name in slots_of(counted.measure))
    plan = {
        "id": tally.plan,
        "version": tally.plan_version,
        "content_hash": tally.content_hash,
        "readings": dict(sorted(tally.readings.items())),
    }
    grouping = tally.grouping
    by = {
        "levels": list(grouping.levels),
        "hidden": list(grouping.hidden),
        "named": list(tally.named),
        "columns": list(grouping.columns),
    }
    plain = [attrs.evolve(note, count=None) for note in tally.notes]  # its words, with `{count}` in them
    notes = [
        {"code": words.code, "zh": words.zh, "en": words.en, "count": note.count}
        for words, note in zip(plain, tally.notes, strict=True)
    ]
    cells = [
        {
            "key": list(key),
            "complete": key not in tally.parts,
            "sums": [list(sums.values()) for sums in slots],
        }
        for key, slots in tally.cells.items()
    ]
    top = [
        f'"format": {_json(FORMAT)}',
        f'"format_version": {VERSION}',
        f'"plan": {_json(plan)}',
        f'"by": {_json(by)}',
        f'"meanings": {_lines({name: MEANINGS[name] for name in used})}',
        f'"measures": {_lines([_measure_data(counted) for counted in tally.measures])}',
        f'"names": {_lines(dict(tally.names))}',
        f'"notes": {_lines(notes)}',
        f'"cells": {_lines(cells)}',
    ]
    return "{\n " + ",\n ".join(top) + "\n}\n"


def write_tally(tally: Tally, path: Path) -> None:
    """Write a file that `read_tally` reads, whole or not at all; a pipe or a device is written to as it is.

    Raises:
        OSError: If it cannot be written, or its folder takes no new file.
    """
    data = tally_text(tally).encode()
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(Path(os.path.realpath(path)), data)  # what a link leads to
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(path: Path, data: bytes) -> None:
    """Put a new file in the place of one that may be there."""
    beside = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(data)
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(value: dict[str, Any] | list[Any]) -> str:
    """Return a list or an object with a line for each entry."""
    if isinstance(value, dict):
        entries, ends = [f"{_json(key)}: {_json(part)}" for key, part in value.items()], "{}"
    else:
        entries, ends = [_json(part) for part in value], "[]"
    return ends[0] + "".join(f"\n  {entry}," for entry in entries)[:-1] + ("\n " if entries else "") + ends[1]


def _measure_data(counted: Counted) -> dict[str, Any]:
    measure = unstructure(counted.measure)
    measure.pop("where", None)  # as a list beside it: an object would not hold two tests of one variable
    return {
        "targets": list(counted.targets),
        "measure": measure,
        "where": [{"variable": test.variable, "values": list(test.values)} for test in counted.measure.where],
        "sums": [
            {"name": name, "quantum": exact_text(one.magnitude), "unit": str(one.unit)}
            for name, one in zip(slots_of(counted.measure), counted.quanta, strict=True)
        ],
    }


def read_tally(path: Path) -> Tally:
    """Read a file that `tally_text` made, or one like it.

    Raises:
        TallyError: If it holds no tally; several faults come together as `DataFaults`.
    """
    data = read_json(path, TallyError)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        got = f"{data['format']!r:.60}" if isinstance(data, dict) and "format" in data else "none"
        mend = "`community-plan tally` writes one"
        raise TallyError(f"expected a file of format {FORMAT!r}, got {got}", place=Place(file=str(path)), mend=mend)
    version = data.get("format_version")
    if type(version) is not int or version != VERSION:
        raise TallyError(
            f"expected format version {VERSION}, got {version!r:.40}",
            place=Place(file=str(path), key="format_version"),
            mend="read it with the release of community-plan that wrote it, or a later one",
        )
    try:
        form = structure(data, _Form)
    except PlanError as error:
        faults = [
            TallyError(fault.problem, place=Place(file=str(path), key=fault.place.key if fault.place else None))
            for fault in error.faults
        ]
        raise_faults(faults, subject=f"{path} cannot be read")
        raise
    reader = _Reader(path)
    tally = reader.tally(form)
    raise_faults(reader.faults, subject=f"{path} cannot be read")
    assert tally is not None
    return tally


@attrs.define
class _Reader:
    """Turns what a file says into a tally; what cannot be is a fault."""

    path: Path
    faults: list[CommunityPlanError] = attrs.field(factory=list)

    def refuse(self, problem: str, *where: str | int) -> None:
        self.faults.append(TallyError(problem, place=Place(file=str(self.path), key=path_text(where))))

    def tally(self, form: _Form) -> Tally | None:
        grouping = self.grouping(form.by)
        measures = [self.measure(measure, place) for place, measure in enumerate(form.measures)]
        targets = [name for measure in form.measures for name in measure.targets]
        twice = sorted({name for name in targets if targets.count(name) > 1})
        if not targets or twice:
            self.refuse(f"expected each target once, got {', '.join(twice) or 'none'}", "measures")
        if len({measure.measure for measure in measures if measure}) < sum(measure is not None for measure in measures):
            self.refuse("expected each measure once", "measures")
        known = [measure for measure in measures if measure is not None]
        if grouping is None or len(known) < len(measures):
            return None
        cells: dict[Key, tuple[Slots, ...]] = {}
        for place, cell in enumerate(form.cells):
            self.key(cell.key, grouping, cells, place)
            slots = self.sums(cell.sums, known, place)
            if slots is not None:
                cells[cell.key] = slots
        there = {label for key in cells for label in key[: len(grouping.levels)]}
        for code, name in form.names.items():
            if code not in there or not name or name == code:
                self.refuse("expected the name of a region of the cells", "names", code)
        for place, note in enumerate(form.notes):
            if note.count is not None and not 0 <= note.count <= INT64_MAX:
                self.refuse(f"expected a count of 0 or more, got {note.count}", "notes", place, "count")
        return Tally(
            plan=form.plan.id,
            plan_version=form.plan.version,
            content_hash=form.plan.content_hash,
            readings=dict(form.plan.readings),
            measures=tuple(known),
            grouping=grouping,
            named=form.by.named,
            cells={key: cells[key] for key in sorted(cells, key=key_order)},
            parts=frozenset(cell.key for cell in form.cells if not cell.complete),
            names=dict(sorted(form.names.items())),
            notes=tuple(
                sorted((Note(code=n.code, zh=n.zh, en=n.en, count=n.count) for n in form.notes), key=note_order)
            ),
        )

    def grouping(self, by: _ByForm) -> Grouping | None:
        levels = tuple(level for level in LEVELS if level in by.levels)
        before = len(self.faults)
        if levels != by.levels:
            self.refuse(f"expected levels from large to small, each once, got {', '.join(by.levels)}", "by", "levels")
        if by.hidden != tuple(level for level in levels if level in by.hidden) or by.hidden == levels != ():
            self.refuse("expected some of the levels, in their order", "by", "hidden")
        if by.named != tuple(level for level in LEVELS if level in by.named and level not in levels):
            self.refuse("expected levels that are not counted by, in their order", "by", "named")
        if len(set(by.columns)) < len(by.columns) or any(name in LEVELS for name in by.columns):
            self.refuse("expected columns that are no levels, each once", "by", "columns")
        return Grouping(levels, by.columns, by.hidden) if len(self.faults) == before else None

    def measure(self, form: _MeasureForm, place: int) -> Counted | None:
        where: PathKey = ("measures", place)
        names = slots_of(form.measure)
        if form.measure.where:
            self.refuse("expected the scope in `where` beside the measure", *where, "measure", "where")
            return None
        if tuple(each.name for each in form.sums) != names:
            self.refuse(f"expected the sums {', '.join(names)}, in this order", *where, "sums")
            return None
        quanta = []
        for number, each in enumerate(form.sums):
            one = _quantum(each)
            if one is None:
                problem = f"expected a number above 0, got {each.quantum!r:.60}"
                self.refuse(problem, *where, "sums", number, "quantum")
            else:
                quanta.append(one)
        if len(quanta) < len(names):
            return None
        scope = tuple(Is(variable=test.variable, values=test.values) for test in form.where)
        return Counted(measure=attrs.evolve(form.measure, where=scope), targets=form.targets, quanta=tuple(quanta))

    def key(self, key: Key, grouping: Grouping, earlier: Mapping[Key, Any], place: int) -> None:
        where: PathKey = ("cells", place, "key")
        if len(key) != len(grouping.keys):
            words = ", ".join(grouping.keys) or "nothing"
            self.refuse(f"expected {len(grouping.keys)} labels ({words}), got {len(key)}", *where)
            return
        if key in earlier:
            self.refuse("stands twice", *where)
        pairs = zip(grouping.levels, key, strict=False)
        visible = [label for level, label in pairs if level not in grouping.hidden]
        if any(label is not None for label in visible[visible.index(None) :]) if None in visible else False:
            self.refuse("expected no region inside one that is not told", *where)
        if "" in visible:
            self.refuse("expected a region, got an empty text", *where)

    def sums(self, data: Any, measures: list[Counted], place: int) -> tuple[Slots, ...] | None:
        where: PathKey = ("cells", place, "sums")
        if not isinstance(data, list) or len(data) != len(measures):
            got = len(data) if isinstance(data, list) else type(data).__name__
            self.refuse(f"expected a list for each of {len(measures)} measures, got {got}", *where)
            return None
        before = len(self.faults)
        found: list[Slots] = []
        for number, (values, counted) in enumerate(zip(data, measures, strict=True)):
            names = slots_of(counted.measure)
            if not isinstance(values, list) or len(values) != len(names):
                self.refuse(f"expected the sums {', '.join(names)}", *where, number)
                continue
            wrong = [at for at, value in enumerate(values) if type(value) is not int or not 0 <= value <= INT64_MAX]
            for at in wrong:
                problem = f"expected {names[at]}, a whole number from 0 to 2^63 - 1, got {values[at]!r:.40}"
                self.refuse(problem, *where, number, at)
            slots = dict(zip(names, values, strict=True))
            for problem in () if wrong else _contradictions(slots):
                self.refuse(problem, *where, number)
            found.append(slots)
        return tuple(found) if len(self.faults) == before else None


def _quantum(form: _SumForm) -> Quantity | None:
    try:
        number = structure(form.quantum, Quantity)
    except CommunityPlanError:
        return None
    return Quantity(number.magnitude, form.unit) if number.unit == DIMENSIONLESS and number.magnitude > 0 else None


def _contradictions(slots: Slots) -> Iterator[str]:
    """Yield what the sums of one measure cannot be together."""
    for less, more in (("complete", "units"), ("n", "n_low"), ("n_low", "n_high"), ("d", "d_low"), ("d_low", "d_high")):
        if less in slots and slots[less] > slots[more]:
            yield f"expected {less} of at most {more}, got {slots[less]} and {slots[more]}"
    for true, false, whole in (("true", "false", "units"), ("maybe_true", "maybe_false", "maybe")):
        if true in slots and slots[true] + slots[false] > slots[whole]:
            got = f"{slots[true]} + {slots[false]} and {slots[whole]}"
            yield f"expected {true} and {false} of at most {whole} together, got {got}"
