"""Native sums: what an engine has added up, by key or by region, on its way to Python or to a frame."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from community_plan.entry import INT64_MAX, OVERFLOW_MEND
from community_plan.errors import SumOverflowError
from community_plan.expressions import Col, Int, Lit
from community_plan.frames.engine import Engine, Grouped
from community_plan.frames.keys import Key, label_text
from community_plan.frames.parts import label
from community_plan.frames.wide import Judging, Plain, wide
from community_plan.grouping import Sums
from community_plan.regions import LEVELS, Level
from community_plan.sums import Basis

__all__ = ["NativeRegister", "NativeSums"]

_COMMON = 2**48
"""What sums over a region commonly stay below."""


@attrs.frozen
class NativeRegister:
    """A register's sums by region, inside an engine."""

    engine: Engine
    relation: Any
    region: str
    """Column of the region's code."""
    columns: tuple[str, ...]
    """Columns that are grouped by besides."""
    features: int
    """How many sums there are: columns `f0`, `f1` …"""

    def rows(self) -> list[tuple[tuple[str | None, ...], tuple[int, ...]]]:
        """Return the sums as Python values."""
        names = [self.region, *self.columns]
        rows = self.engine.cells(self.relation, [*names, *(f"f{place}" for place in range(self.features))])
        width = len(names)
        return [(tuple(row[:width]), tuple(int(cell or 0) for cell in row[width:])) for row in rows]


@attrs.frozen
class NativeSums:
    """Sums by key, as the engine gave them."""

    engine: Engine
    keys: Mapping[str, Key]
    program: tuple[Int, ...]
    """The features that were summed."""
    basis: Basis
    grouped: Grouped
    _regional: dict[Any, tuple[Engine, Any]] = attrs.field(factory=dict, init=False, eq=False, repr=False)
    """An engine and the sums by region, for levels that were asked for."""

    def rows(self) -> Sums:
        """Return the sums of the features as Python values.

        Raises:
            SumOverflowError: If one passes 2^63.
        """
        keys, sums, basis = self.keys, self.grouped.sums, self.basis
        labels = [[key.text(cell) for cell in self.grouped.keys[label(name)]] for name, key in keys.items()]
        columns = [[int(cell or 0) for cell in sums[f"f{place}"]] for place in range(len(basis.parts))]
        found: dict[tuple[str | None, ...], tuple[int, ...]] = {}
        for key, row in zip(_tuples(labels, len(columns[0])), zip(*columns, strict=True), strict=True):
            totals = basis.features(row)[:-1]
            # An empty label and a missing one are one; and engines may give what rows with gaps add by itself.
            found[key] = tuple(map(operator.add, found[key], totals)) if key in found else totals
        if any(total > INT64_MAX for totals in found.values() for total in totals):
            raise SumOverflowError("a sum passes 2^63 quanta", mend=OVERFLOW_MEND)
        if not keys and not found:
            found[()] = (0,) * len(self.program)
        return list(found.items())

    def wide(self, path: Sequence[Level], columns: Mapping[str, str], judge: Judging) -> Any | None:
        """Return a frame with a row for each region, or None if the sums are not in a frame.

        Args:
            path: Levels from the largest to the one that is wanted; none for the whole table.
            columns: Key columns that regions are crossed with, with what they are called in the frame.
            judge: Gives the judgements from an expression for each feature.
        """
        if self.grouped.frame is None or self.grouped.wide or not (path or columns):
            return None  # a query for one row takes longer than the row
        engine, relation = self._regions(len(path), tuple(columns))
        if path and any(engine.holes(relation, [label(path[-1])]).values()):
            # A remainder belongs to no region of a level finer than its own.
            relation = engine.where(relation, ~engine.is_null(engine.column(label(path[-1]))))
        features = _features(type(engine), self.basis.recipes)
        kept = {label(name): engine.column(label(name)) for name in (*path, *columns)}
        relation = engine.select(relation, {**kept, **features})
        table = Plain(
            engine=engine,
            relation=relation,
            numbers={name: engine.column(name) for name in features},
            limit=self._limit(self._rows_in(len(path), tuple(columns))),
        )
        slots = [Col(f"s{place}") if recipe else Lit(0) for place, recipe in enumerate(self.basis.recipes[:-1])]
        named = {"region": _region(type(engine), self._path_keys(path))} if path else {"region": engine.text("total")}
        crossed = {
            called: label_text(engine, self.keys[name], engine.column(label(name))) for name, called in columns.items()
        }
        judged = wide(table, {**named, **crossed}, judge(tuple(slots)))
        return engine.handed_back(engine.ordered(judged, [*crossed, "region"]))

    def _regions(self, depth: int, columns: tuple[str, ...]) -> tuple[Engine, Any]:
        """Return the sums by region of a level: those of the next finer one, of which there are few, added up.

        Args:
            depth: How many levels there are from the largest to the regions' own.
            columns: Key columns that regions are crossed with.
        """
        if (depth, columns) not in self._regional:
            if depth + len(columns) == len(self.keys):
                found = self.engine.over(self.grouped.frame)
            else:
                engine, finer = self._regions(depth + 1, columns)
                sums = {f"f{place}": engine.column(f"f{place}") for place in range(len(self.basis.parts))}
                kept = [label(name) for name in (*list(self.keys)[:depth], *columns)]
                most = self.grouped.most * self._rows_in(depth + 1, columns)
                found = engine, engine.settled(engine.grouped_relation(finer, kept, sums, most=most))
            self._regional[depth, columns] = found
        return self._regional[depth, columns]

    def _rows_in(self, depth: int, columns: tuple[str, ...]) -> int:
        """Return how many rows of sums a region of a level has at most."""
        return 1 if depth + len(columns) == len(self.keys) else len(self.grouped.sums["f0"])

    def _limit(self, rows: int) -> int:
        """Return what no feature exceeds, added up over some rows of sums.

        It is one of few numbers, so that what is written for one frame fits others.
        """
        weight = max((sum(abs(factor) for _, factor in recipe) for recipe in self.basis.recipes), default=1)
        return _COMMON if self.grouped.most * weight * rows <= _COMMON else INT64_MAX

    def _path_keys(self, path: Sequence[Level]) -> tuple[tuple[Level, Key], ...]:
        return tuple((name, attrs.evolve(self.keys[name], cell=None)) for name in path)


@functools.lru_cache(maxsize=64)
def _region(kind: type[Engine], path: tuple[tuple[Level, Key], ...]) -> Any:
    """Return what a region is called: its code, or its name or short number with the names around it."""
    engine = kind()
    level, key = path[-1]
    own = label_text(engine, key, engine.column(label(level)))
    if key.cut or len(path) == 1:
        return own
    around = engine.joined(_region(kind, path[:-1]), "/")
    code = engine.matches(own, "[0-9]+") & (engine.length(own) >= LEVELS[level])
    return engine.choose(code | engine.is_null(engine.column(label(path[-2][0]))), own, around + own)


@functools.lru_cache(maxsize=64)
def _features(kind: type[Engine], recipes: tuple[tuple[tuple[int, int], ...], ...]) -> dict[str, Any]:
    """Return features as sums of their parts: the same for every frame, and worth keeping."""
    engine = kind()
    return {
        f"s{place}": functools.reduce(
            operator.add, (_multiple(engine.column(f"f{part}"), factor) for part, factor in recipe)
        )
        for place, recipe in enumerate(recipes[:-1])
        if recipe
    }


def _multiple(number: Any, factor: int) -> Any:
    return number if factor == 1 else number * factor


def _tuples(labels: Sequence[Sequence[str | None]], rows: int) -> Any:
    return zip(*labels, strict=True) if labels else [()] * rows
