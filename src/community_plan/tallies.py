"""Tallies: the additive integers of every region, from which everything else follows."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import TypeVar

import attrs

from community_plan.entry import INT64_MAX, Note
from community_plan.errors import CommunityPlanError, SumOverflowError, TallyError, did_you_mean, nearest, raise_faults
from community_plan.grouping import Grouping, Summed
from community_plan.measures import Measure, Ratio, Total, counted_unit, measure_unit, quanta_of
from community_plan.programs import Program, Slots, slots_of
from community_plan.regions import LEVELS, Level, is_code_of, is_long_as_code, region_at
from community_plan.units import DIMENSIONLESS, Quantity
from community_plan.variables import Variables

__all__ = [
    "Cells",
    "Counted",
    "Group",
    "Key",
    "Tally",
    "add_up",
    "by_words",
    "cells_of",
    "combine",
    "key_order",
    "key_text",
    "note_order",
    "without_levels",
]

T = TypeVar("T")

Key = tuple[str | None, ...]
"""Labels of the levels, then values of the columns that a tally is grouped by. A None stands for a level below the
region that the sums belong to, such as people on a county's own rolls in a tally by community."""
Cells = Mapping[Key, tuple[Slots, ...]]
"""For each key, the sums of each measure."""


@attrs.frozen
class Group:
    """What one line of results is about: a region, and the values of the columns it is crossed with."""

    level: Level | None = None
    """Level of the region; None for the whole table."""
    region: str | None = None
    """Code or name of the region; None for the whole table."""
    columns: tuple[tuple[str, str | None], ...] = ()
    """Columns grouped by, with their values."""


@attrs.frozen(kw_only=True)
class Counted:
    """A measure of a tally, with what its integers stand for."""

    measure: Measure
    """What was counted."""
    targets: tuple[str, ...]
    """Ids of the targets that it was counted for."""
    quanta: tuple[Quantity, ...]
    """For each of its sums (`programs.slots_of`), the amount that 1 stands for."""

    @classmethod
    def of(cls, measure: Measure, targets: Iterable[str], variables: Variables) -> Counted:
        """Return a measure with the quanta of its variables.

        Raises:
            MeasureError: If variables that do not add up are added up.
            NotFoundError: If a variable does not exist.
        """
        places, rows = Quantity(1, counted_unit(measure, variables)), Quantity(1, DIMENSIONLESS)
        above = below = places
        if isinstance(measure, Ratio):
            above, below = _quantum(measure.numerator, variables), _quantum(measure.denominator, variables)
        elif isinstance(measure, Total):
            above = _quantum(measure.of, variables)
        ones = {name: rows if name.endswith("_open") else places for name in slots_of(measure)}
        ones |= {name: above for name in ("n", "n_low", "n_high") if name in ones}
        ones |= {name: below for name in ("d", "d_low", "d_high") if name in ones}
        return cls(measure=measure, targets=tuple(targets), quanta=tuple(ones.values()))


def _quantum(names: tuple[str, ...], variables: Variables) -> Quantity:
    return Quantity(1 / quanta_of(names, variables), measure_unit(Total(of=names), variables))


@attrs.frozen(kw_only=True)
class Tally:
    """The sums that some targets need, at the finest regions asked for; `+` adds two of them up.

    Whatever the order, the engine or the partition of the rows, the integers are the same. A tally is made by
    `Plan.tally`, kept in a file by `save` and `load`, and judged by `Plan.evaluate`.
    """

    plan: str
    """Id of the plan."""
    plan_version: str
    """Version of the plan's entry in the registry."""
    content_hash: str
    """SHA-256 over the plan's documents."""
    readings: Mapping[str, str]
    """Discrepancy id to the reading that was chosen instead of the adopted one."""
    measures: tuple[Counted, ...] = attrs.field(repr=False)
    """What was counted."""
    # Levels and columns of the keys.
    grouping: Grouping
    # The sums, in the order of their keys.
    cells: Cells = attrs.field(repr=False)
    named: tuple[Level, ...] = ()
    """Levels that the tally cannot tell, because the data have columns that say something else than codes do."""
    # Keys whose regions are only counted in part.
    parts: frozenset[Key] = attrs.field(default=frozenset(), repr=False)
    names: Mapping[str, str] = attrs.field(
        factory=dict,
        repr=False,
        metadata={"description": "Names of townships and communities by code, as found in the data."},
    )
    notes: tuple[Note, ...] = ()
    """What the user should know about the data."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Ids of the targets that it was counted for."""
        return tuple(name for counted in self.measures for name in counted.targets)

    @property
    def regions(self) -> tuple[str, ...]:
        """The finest regions that were counted; none for a whole table."""
        count = len(self.grouping.levels)
        paths = dict.fromkeys(key[:count] for key in self.cells if count and key[count - 1] is not None)
        return tuple(dict.fromkeys(_region(self.grouping.levels, path) for path in paths))

    @property
    def complete(self) -> bool:
        """Whether every region was counted as a whole."""
        return not self.parts

    @functools.cached_property
    def groups(self) -> Mapping[Group, tuple[Slots, ...]]:
        """The sums of each measure for every line of results."""
        return self._rolled_up(self.grouping)

    def groups_by(self, by: str | Iterable[str]) -> Mapping[Group, tuple[Slots, ...]]:
        """Return the sums for coarser levels; a coarser level follows from a code, not from a name.

        Raises:
            TallyError: If the sums do not tell a level or a column.
        """
        want = Grouping.parse(by)
        faults: list[CommunityPlanError] = []
        unknown = [name for name in want.columns if name not in self.grouping.columns]
        for name in unknown:
            hint = did_you_mean(nearest(name, [*LEVELS, *self.grouping.columns]))
            faults.append(self._not_told(name, f"it has no such column{hint}"))
        dropped = [name for name in self.grouping.columns if name not in want.columns]
        if dropped:
            faults.append(
                TallyError(
                    f"expected the columns {', '.join(self.grouping.columns)} in by=, got {by_words(want)}",
                    mend=f"name {', '.join(dropped)} too, or tally the data without",
                )
            )
        for level in want.levels:
            why = self._untold(level)
            if why is not None:
                faults.append(self._not_told(level, why))
        raise_faults(faults, subject="The tally cannot be rolled up")
        if "township" in want.levels and "county" in self.grouping.levels:
            want = want.told_apart("county")
        return self._rolled_up(want)

    def _not_told(self, name: str, why: str) -> TallyError:
        can = [*(level for level in LEVELS if self._untold(level) is None), *(self.grouping.columns or ["the total"])]
        wanted = [level for level in LEVELS if level == name or level in self.grouping.levels]
        mend = f"tally the data by {', '.join([*wanted, *self.grouping.columns])}" if name in LEVELS else None
        return TallyError(f"expected what the tally can give ({', '.join(can)}), got {name!r}: {why}", mend=mend)

    def _untold(self, level: Level) -> str | None:
        """Return why a level does not follow from the keys, or None if it does."""
        if level in self.grouping.levels:
            return None
        if not any(LEVELS[have] > LEVELS[level] for have in self.grouping.levels):
            return f"it is counted by {by_words(self.grouping)}"
        if level in self.named:
            return "a column of the data tells it, with which codes need not agree"
        for key, slots in self.cells.items():
            label = _label(dict(zip(self.grouping.levels, key, strict=False)), level)
            if label is _Untold.NAME:
                return f"no {level} follows from a name"
            if label is _Untold.REMAINDER and any(any(sums.values()) for sums in slots):
                return f"it has sums of larger regions and does not tell their {level}"
        return None

    def _rolled_up(self, want: Grouping) -> dict[Group, tuple[Slots, ...]]:
        count = len(self.grouping.levels)
        places = [self.grouping.columns.index(name) + count for name in want.columns]
        items: list[tuple[Group, tuple[Slots, ...]]] = []
        for key, slots in self.cells.items():
            columns = tuple((name, key[place]) for name, place in zip(want.columns, places, strict=True))
            if not want.levels:
                items.append((Group(columns=columns), slots))
                continue
            path = key[:count]
            if want.levels != self.grouping.levels:
                labels = dict(zip(self.grouping.levels, key, strict=False))
                told = (_label(labels, level) for level in want.levels)
                path = tuple(None if isinstance(label, _Untold) else label for label in told)
            for place, level in enumerate(want.levels):
                if path[place] is not None and level not in want.hidden:
                    # A remainder belongs to no region of a level finer than its own.
                    items.append((Group(level, _region(want.levels, path[: place + 1]), columns), slots))
        if not want.keys and not items:  # a table without rows has a total too
            items.append((Group(), tuple(dict.fromkeys(slots_of(each.measure), 0) for each in self.measures)))
        return dict(sorted(add_up(items).items(), key=_group_order))

    def __add__(self, other: Tally) -> Tally:
        """Return the sums over both; the two must count the same of different communities.

        Raises:
            TallyError: If they do not; several faults come together as `DataFaults`.
            SumOverflowError: If a sum does not fit 64 bits.
        """
        from community_plan.merging import merge_tallies

        return merge_tallies([self, other])

    def as_complete(self) -> Tally:
        """Return the same tally with every region taken for counted as a whole."""
        return attrs.evolve(self, parts=frozenset())

    def save(self, path: str | Path) -> None:
        """Write the tally as JSON, the same bytes for the same tally; a file is written whole or stays as it was.

        Raises:
            OSError: If it cannot be written, or its folder takes no new file.
        """
        from community_plan.tally_files import write_tally

        write_tally(self, Path(path))

    def to_json(self) -> str:
        """Return the tally as JSON that `load` reads; it says of every integer what it means."""
        from community_plan.tally_files import tally_text

        return tally_text(self)

    @classmethod
    def load(cls, path: str | Path) -> Tally:
        """Read a tally that was saved.

        Raises:
            TallyError: If the file holds no tally; several faults come together as `DataFaults`.
        """
        from community_plan.tally_files import read_tally

        return read_tally(Path(path))


def cells_of(summed: Summed, program: Program) -> Cells:
    """Return the sums of a program's measures by key."""
    return {
        key: tuple(program.slots(index, sums) for index in range(len(program.measures))) for key, sums in summed.rows()
    }


def combine(parts: Sequence[tuple[Sequence[Measure], Cells]]) -> Cells:
    """Put cells of different measures over the same data side by side; what a key lacks is zero."""
    found: dict[Key, tuple[Slots, ...]] = {}
    for key in sorted({key for _, cells in parts for key in cells}, key=key_order):
        slots: list[Slots] = []
        for measures, cells in parts:
            slots += cells.get(key) or [dict.fromkeys(slots_of(measure), 0) for measure in measures]
        found[key] = tuple(slots)
    return found


def without_levels(tally: Tally, levels: Collection[Level]) -> Tally:
    """Return a tally without some hidden levels; those that its other labels do not tell as they were are `named`.

    Raises:
        SumOverflowError: If a sum does not fit 64 bits.
    """
    grouping, named = tally.grouping, set(tally.named)
    kept = [place for place, level in enumerate(grouping.levels) if level not in levels]
    places = [*kept, *range(len(grouping.levels), len(grouping.keys))]
    for key in tally.cells if levels else ():
        labels = dict(zip(grouping.levels, key, strict=False))
        own: dict[Level, str | None] = {level: labels[level] for level in grouping.levels if level not in levels}
        told = ((level, _label(own, level)) for level in levels)
        named |= {level for level, label in told if isinstance(label, str) and label != labels[level]}

    def shortened(key: Key) -> Key:
        return tuple(key[place] for place in places)

    cells = add_up((shortened(key), slots) for key, slots in tally.cells.items()) if levels else tally.cells
    there = {label for key in cells for label in key[: len(kept)]} if tally.names else set()
    return attrs.evolve(
        tally,
        grouping=Grouping(
            tuple(grouping.levels[place] for place in kept),
            grouping.columns,
            tuple(level for level in grouping.hidden if level not in levels),
        ),
        named=tuple(level for level in LEVELS if level in named),
        cells={key: cells[key] for key in sorted(cells, key=key_order)} if levels else cells,
        parts=frozenset(map(shortened, tally.parts)) if levels else tally.parts,
        names={code: name for code, name in tally.names.items() if code in there},
    )


def by_words(grouping: Grouping) -> str:
    """Return what a grouping is by, for people."""
    return ", ".join([*grouping.shown, *grouping.columns]) or "nothing (the whole table)"


def key_text(key: Key, grouping: Grouping) -> str:
    """Return the region and the columns of a key, for people."""
    count = len(grouping.levels)
    told = [(level, label) for level, label in zip(grouping.levels, key, strict=False) if label is not None]
    region = _region([level for level, _ in told], tuple(label for _, label in told)) if told else ""
    return " ".join(word for word in (region, *(value or "—" for value in key[count:])) if word)


def add_up(items: Iterable[tuple[T, tuple[Slots, ...]]]) -> dict[T, tuple[Slots, ...]]:
    """Return the sums of each key once, added up.

    Raises:
        SumOverflowError: If a sum does not fit 64 bits.
    """
    found: dict[T, tuple[Slots, ...]] = {}
    for key, slots in items:
        before = found.get(key)
        found[key] = slots if before is None else tuple(map(_plus, before, slots))
    return found


def _plus(one: Slots, other: Slots) -> Slots:
    total = {name: value + other[name] for name, value in one.items()}
    if any(value > INT64_MAX for value in total.values()):
        raise SumOverflowError("a sum of tallies passes 2^63 quanta", mend="check the largest cells")
    return total


class _Untold(Enum):
    """Why the region of a level does not follow from a key."""

    NAME = auto()
    """The finer region is a name."""
    REMAINDER = auto()
    """The sums belong to a larger region than the finest, perhaps to one of that level."""


def _label(labels: Mapping[Level, str | None], level: Level) -> str | _Untold | None:
    """Return the region of a level that a key's labels tell; None if they name a larger one."""
    if level in labels:
        return labels[level]
    finer = next(have for have in LEVELS if have in labels and LEVELS[have] > LEVELS[level])
    label = labels[finer]
    if label is not None:
        return region_at(label, level) if is_code_of(label, finer) else _Untold.NAME
    coarser = [labels[have] for have in LEVELS if have in labels and LEVELS[have] < LEVELS[level]]
    return None if coarser and coarser[-1] is None else _Untold.REMAINDER


def _region(levels: Sequence[Level], path: tuple[str | None, ...]) -> str:
    """Return the label of a region; one that is shorter than a code or a name is told apart by the region around it."""
    label = path[-1] or ""
    if len(path) == 1 or path[-2] is None or is_long_as_code(label, levels[len(path) - 1]):
        return label
    return f"{_region(levels, path[:-1])}/{label}"


def key_order(key: Key) -> tuple[tuple[bool, str], ...]:
    """Return what keys are sorted by."""
    return tuple((label is None, label or "") for label in key)


def note_order(note: Note) -> tuple[str, ...]:
    """Return what notes are sorted by."""
    return note.code, note.zh, note.en


def _group_order(item: tuple[Group, tuple[Slots, ...]]) -> tuple[object, ...]:
    group = item[0]
    columns = tuple((value is None, value or "") for _, value in group.columns)
    level = -1 if group.level is None else list(LEVELS).index(group.level)
    return columns, level, group.region or ""
