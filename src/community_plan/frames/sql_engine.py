"""SQL engine: the verbs of relations, and expressions over them, for every engine that speaks SQL."""

from __future__ import annotations

import functools
import importlib.util
import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from community_plan.errors import DataError
from community_plan.frames.engine import BAD, BEYOND, MOST_ROWS, Ascending, Gaps, Grouped, Kind, Within
from community_plan.frames.parts import label
from community_plan.frames.sql import ATOM, COMPARE, PLUS, TIMES, Sql, joined, literal

__all__ = ["NOTHING", "Parts", "Pass", "SqlEngine"]

_PUSH = 1.5 * 2.0**52
"""Next to it a double has no room for a fraction, so that adding it rounds, halves to even."""
_LARGE = 2**53
"""A sum from which on the sums of some sums may not fit 64 bits."""
_SMALLEST = label("township")
"""Regions of few rows: most of them have rows with gaps, and would be added up twice."""
_ROWS = "rows__"


@attrs.frozen(eq=False)
class Pass:
    """What is worked out in one pass over some rows."""

    stage: Mapping[str, Sql]
    """The columns that sums and keys read."""
    sums: Mapping[str, Sql | None]
    suspects: Sequence[Any] = ()


NOTHING = Sql("CAST(0 AS BIGINT)")
"""The sum of what a part has nothing of."""
Parts = Sequence[tuple[Any, Mapping[str, Sql]]]
"""Relations with the sums that each is asked for, under the same names."""


@attrs.define
class SqlEngine(ABC):
    """What all engines have in common whose relations are projected, filtered and aggregated by SQL expressions."""

    wide = False
    apart = True
    reads_slowly = False
    fills = False
    in_memory = False
    string = ""
    """The type of texts."""
    huge = ""
    """A type with room for more than 64 bits."""
    divide = ""
    """The sign of division without remainder."""

    types: Mapping[str, str]
    """Headers of the user's table with the types of their columns."""
    base: Any
    """The user's table."""
    careful: bool
    """Whether what goes wrong on the way is final."""
    columns: Mapping[str, Kind]
    """What the cells of the user's columns are."""
    seen_rows: int = 0
    """Rows that a first look at the table has seen."""
    few: Any = None
    """The rows with missing cells, where they are kept beside all of them."""
    looks: list[tuple[str, tuple[Any, ...], Any]] | None = attrs.field(default=None, init=False)

    # -- what an engine says in its own words --------------------------------------------------------------

    @abstractmethod
    def project(self, relation: Any, columns: Mapping[str, Sql], *, keep: bool = False) -> Any:
        """Return a relation of these columns, beside its own if they are kept."""

    @abstractmethod
    def filter(self, relation: Any, condition: Sql) -> Any:
        """Return the rows for which a condition holds."""

    @abstractmethod
    def aggregate(self, relation: Any, keys: Sequence[str], columns: Mapping[str, Sql]) -> Any:
        """Return a row of columns for each combination of keys, or a single row."""

    @abstractmethod
    def limit(self, relation: Any, rows: int) -> Any:
        """Return the first rows, or any rows if the engine has no order."""

    @abstractmethod
    def fetch(self, relation: Any) -> list[tuple[Any, ...]]:
        """Run the query: the only place where rows leave the engine.

        Raises:
            Misread: If a number grows too large on the way.
            DataError: If the engine cannot read the data.
        """

    # -- expressions -------------------------------------------------------------------------------------

    @abstractmethod
    def name(self, name: str) -> str:
        """Return the name of a column as SQL."""

    def column(self, name: str) -> Sql:
        return Sql(self.name(name), truth=None, type=self.types.get(name, ""))

    def whole(self, value: int) -> Sql:
        return literal(value)

    def real(self, value: float) -> Sql:
        return literal(value)

    def no_number(self) -> Sql:
        return Sql("CAST(NULL AS DOUBLE)")

    def no_whole(self) -> Sql:
        return Sql("CAST(NULL AS BIGINT)")

    def verdict(self, met: Sql, not_met: Sql) -> Sql:
        return Sql(f"CASE WHEN {met} THEN 'met' WHEN {not_met} THEN 'not_met' ELSE 'unknown' END")

    def text(self, value: str) -> Sql:
        return literal(value)

    def truth(self, value: bool) -> Sql:
        return literal(value)

    def is_null(self, cell: Sql) -> Sql:
        return Sql(f"{cell.within(PLUS)} IS NULL", COMPARE, truth=True)

    def fill(self, cell: Sql, value: int | str | bool) -> Sql:
        return Sql(f"COALESCE({cell}, {literal(value)})", truth=cell.truth or isinstance(value, bool))

    def choose(self, condition: Sql, then: Sql, otherwise: Sql) -> Sql:
        return Sql(f"CASE WHEN {condition} THEN {then} ELSE {otherwise} END", truth=then.truth)

    def to_whole(self, cell: Sql) -> Sql:
        number = f"TRY_CAST({cell} AS BIGINT)"
        if not self.careful or cell.type != self.string:
            return Sql(number)
        # Engines also read spaces and exponents, which a check shows; here each has to be null.
        return Sql(f"CASE WHEN {self.matches(cell, '[0-9]+')} THEN {number} END")

    def to_number(self, cell: Sql) -> Sql:
        return Sql(f"CAST({cell} AS DOUBLE)")

    def to_text(self, cell: Sql) -> Sql:
        return cell if cell.type == self.string else Sql(f"CAST({cell} AS {self.string})", type=self.string)

    def widened(self, number: Sql) -> Sql:
        return Sql(f"CAST({number} AS {self.huge})")

    def finite(self, cell: Sql) -> Sql:
        # NaN is larger than every number.
        return Sql(f"COALESCE(abs({cell}) < CAST('Infinity' AS DOUBLE), FALSE)", truth=True)

    def nearest(self, number: Sql) -> tuple[Sql, Sql]:
        near = number + _PUSH - _PUSH
        return near, Sql(f"CAST({near} AS BIGINT)")  # what does not fit is an error, or the largest number

    def absolute(self, number: Sql) -> Sql:
        return Sql(f"abs({number})")

    @abstractmethod
    def matches(self, text: Sql, pattern: str) -> Sql:
        """Return whether a text matches a pattern from end to end."""

    def quotient(self, number: Sql, divisor: int) -> Sql:
        return joined(number, self.divide, divisor, TIMES)

    def remainder(self, number: Sql, divisor: int) -> Sql:
        return joined(number, "%", divisor, TIMES)

    def digits(self, cell: Sql, kind: Kind, places: int) -> tuple[Sql, Sql]:
        kept = f"TRY_CAST({cell} AS DECIMAL(18, {places}))"
        null = self.is_null(cell)
        whole = f"COALESCE(CAST({self.shifted(kept, places)} AS BIGINT), CASE WHEN {null} THEN NULL ELSE {BEYOND} END)"
        more = Sql(f"COALESCE(TRY_CAST({kept} AS {kind.shown}) <> {cell}, NOT {null})", truth=True)
        return Sql(f"CASE WHEN {cell} < 0 THEN -1 ELSE {whole} END"), more if kind.scale > places else literal(False)

    def shifted(self, kept: str, places: int) -> str:
        """Return a decimal of 18 digits times 10^places."""
        return f"{kept} * {10**places}"

    def among(self, cell: Sql, words: Sequence[str]) -> Sql:
        if not words:
            return literal(False)
        if len(words) == 1:
            return cell == words[0]
        return Sql(f"{cell.within(PLUS)} IN ({', '.join(str(literal(word)) for word in words)})", COMPARE, truth=True)

    def part(self, text: Sql, length: int) -> Sql:
        return Sql(f"substr({text}, 1, {length})", type=self.string)

    def joined(self, text: Sql, ending: str) -> Sql:
        return Sql(f"({text.within(ATOM)} || {literal(ending).within(ATOM)})") if ending else text

    # -- relations ---------------------------------------------------------------------------------------

    def rows(self, relation: Any) -> int | None:  # noqa: ARG002  # as `Engine`
        return None

    def select(self, relation: Any, columns: Mapping[str, Sql]) -> Any:
        if all(cell.text == self.name(name) for name, cell in columns.items()):
            return relation  # engines leave out what nobody reads
        return self.project(relation, columns)

    def extend(self, relation: Any, columns: Mapping[str, Sql]) -> Any:
        return self.project(relation, columns, keep=True) if columns else relation

    def where(self, relation: Any, condition: Sql) -> Any:
        return self.filter(relation, condition)

    def settled(self, relation: Any) -> Any:
        return relation

    def kept(self, relation: Any, gap: Any) -> tuple[Any, Any]:
        raise NotImplementedError

    def rebased(self, relation: Any) -> tuple[Any, Any]:
        return self, relation

    def streamed(self, relation: Any) -> tuple[Any, Any] | None:  # noqa: ARG002  # as `Engine`
        return None

    def over(self, frame: Any) -> tuple[Any, Any]:
        from community_plan.frames.polars_engine import PolarsEngine

        return PolarsEngine().over(frame)

    def ordered(self, relation: Any, columns: Sequence[str]) -> Any:
        raise NotImplementedError

    def cells(self, relation: Any, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        return self.fetch(self.project(relation, {name: self.column(name) for name in columns}))

    def summed(self, cell: Sql | None, *, wide: bool = False) -> Sql:
        """Return the sum of a column; truth values count as 1, None counts rows."""
        if cell is None:
            return Sql("COUNT(*)")
        text = str(cell) if cell.truth is False else f"CAST({cell} AS BIGINT)"
        return Sql(f"SUM(CAST({text} AS {self.huge}))" if wide and cell.truth is not True else f"SUM({text})")

    def one_row(self, relation: Any, columns: Mapping[str, Sql | None], *, most: Sequence[str] = ()) -> dict[str, int]:
        asked = {name: Sql(f"MAX({cell})") if name in most else self.summed(cell) for name, cell in columns.items()}
        (row,) = self.totals([(relation, asked)], ())
        return {name: int(cell or 0) for name, cell in zip(columns, row, strict=True)}

    def group(self, relation: Any, keys: Sequence[str], sums: Mapping[str, Sql | None], *, wide: bool) -> Grouped:
        return self._group([(relation, sums)], keys, tuple(sums), wide=wide)

    def _group(
        self,
        parts: Sequence[tuple[Any, Mapping[str, Sql | None]]],
        keys: Sequence[str],
        names: Sequence[str],
        *,
        wide: bool,
    ) -> Grouped:
        """Return sums that come from several relations, each of which has some of them."""
        asked = [
            (relation, {n: self.summed(sums[n], wide=wide) if n in sums else NOTHING for n in names})
            for relation, sums in parts
        ]
        frame = self.framed(asked, keys) if not wide and importlib.util.find_spec("polars") else None
        if frame is not None:
            frame = frame.with_columns(frame.select(*names).fill_null(0))
            if len(parts) > 1:
                frame = frame.group_by(*keys).sum() if keys else frame.sum()
            totals = {name: frame.get_column(name) for name in names}
            large = max((total.max() or 0 for total in totals.values()), default=0) > _LARGE
            return Grouped({key: frame.get_column(key) for key in keys}, totals, frame=frame, wide=large)
        rows = self.totals(asked, keys)
        cells = list(zip(*rows, strict=True)) if rows else [()] * (len(keys) + len(names))
        width = len(keys)
        return Grouped(
            keys=dict(zip(keys, cells[:width], strict=True)),
            sums={name: [int(c or 0) for c in some] for name, some in zip(names, cells[width:], strict=True)},
        )

    @abstractmethod
    def totals(self, parts: Parts, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the rows of one aggregation or several of the same columns; each may have a row for a key."""

    @abstractmethod
    def framed(self, parts: Parts, keys: Sequence[str]) -> Any | None:
        """Return the same as a polars DataFrame; None if they do not fit."""

    def grouped_relation(
        self,
        relation: Any,
        keys: Sequence[str],
        sums: Mapping[str, Sql | None],
        *,
        most: int | None = None,  # noqa: ARG002  # as `Engine`
        wide: bool = False,
    ) -> Any:
        return self.aggregate(relation, keys, {name: self.summed(cell, wide=wide) for name, cell in sums.items()})

    def check_and_group(
        self,
        relation: Any,
        suspects: Sequence[Any],
        stage: Mapping[str, Sql],
        keys: Sequence[str],
        sums: Mapping[str, Sql | None],
        *,
        gaps: Gaps | None,
        wide: bool,
    ) -> Grouped | None:
        if not self.is_in_order(relation, suspects):
            return None
        parts = self._parted(relation, suspects, stage, sums, None if wide or _SMALLEST in keys else gaps)
        if not suspects:
            return self._group(parts, keys, tuple(sums), wide=wide)
        grouped = self._group(parts, keys, (*sums, BAD, _ROWS), wide=wide)
        rows = sum(grouped.sums[_ROWS])
        if rows < self.seen_rows:
            problem = f"expected {self.seen_rows} rows or more, as at first, got {rows}"
            raise DataError(problem, mend="read into a table first what can be read only once")
        # Sums of more rows may not fit 64 bits.
        many = not self.wide and rows > MOST_ROWS
        return None if many or any(grouped.sums[BAD]) else grouped

    def _parted(
        self,
        relation: Any,
        suspects: Sequence[Any],
        stage: Mapping[str, Sql],
        sums: Mapping[str, Sql | None],
        gaps: Gaps | None,
    ) -> list[tuple[Any, Mapping[str, Sql | None]]]:
        """Return what to add up over all rows, and what over those with missing cells alone."""
        # Where those are not kept by themselves, a second pass to find them costs more than some more sums.
        sparse = gaps.names if gaps is not None and self.few is not None and relation is self.base else frozenset()
        dense = {name: cell for name, cell in sums.items() if name not in sparse}
        if suspects:
            dense[_ROWS] = None
        passes = [(relation, one) for one in self.passes(Pass(stage, dense, suspects))]
        if sparse:
            few = Pass(stage, {name: sums[name] for name in sums if name in sparse})
            passes += [(self.few, one) for one in self.passes(few)]
        return [self._staged(source, one) for source, one in passes]

    def _staged(self, relation: Any, one: Pass) -> tuple[Any, Mapping[str, Sql | None]]:
        """Return what a pass adds up, over the columns of its stage."""
        if not one.suspects:
            return self.project(relation, one.stage), one.sums
        stage = {**one.stage, BAD: self.suspicious(one.suspects)}
        return self.project(relation, stage), {**one.sums, BAD: self.column(BAD)}

    def passes(self, asked: Pass) -> Sequence[Pass]:
        """Return the passes over the same rows in which something is quickest worked out."""
        return [asked]

    def is_sound(self, relation: Any, suspects: Sequence[Any]) -> bool:
        if not self.is_in_order(relation, suspects):
            return False
        parts = [self._staged(relation, one) for one in self.passes(Pass({}, {}, suspects))]
        found = self.totals([(staged, {BAD: self.summed(sums[BAD])}) for staged, sums in parts], ())
        return not any(bad for (bad,) in found)

    def is_in_order(self, relation: Any, suspects: Sequence[Any]) -> bool:
        """Say whether all that must be ascending is; apart, because a look at the row before holds up all others."""
        for suspect in suspects:
            if isinstance(suspect, Ascending):
                ordered = self.after(suspect.keys)
                assert ordered is not None
                staged = self.project(relation, {BAD: ~self.fill(ordered, False)})
                if self.one_row(staged, {BAD: self.column(BAD)})[BAD]:
                    return False
        return True

    def suspicious(self, suspects: Sequence[Any]) -> Sql:
        """Return whether anything but the order is not as it was taken to be, or may not be."""
        masks = [suspect for suspect in suspects if isinstance(suspect, Sql)]
        together: dict[int, list[str]] = {}
        for suspect in suspects:
            if isinstance(suspect, Within):
                # Or-ed together, whole numbers show a sign bit or a high bit as soon as one of them has it.
                most = 2 ** ((suspect.limit + 1).bit_length() - 1) - 1
                together.setdefault(most, []).append(suspect.cell.within(ATOM))
        for most, cells in together.items():
            masks.append(Sql(f"({' | '.join(cells)}) NOT BETWEEN 0 AND {most}", COMPARE, truth=True))
        return functools.reduce(operator.or_, masks, literal(False))

    @abstractmethod
    def after(self, keys: Sequence[tuple[Sql, bool]]) -> Sql | None:
        """Return whether a row's keys come after those of the row before; None if rows have no order."""

    def distinct(self, relation: Any, columns: Mapping[str, Sql]) -> list[tuple[Any, ...]]:
        return self.fetch(self.aggregate(self.project(relation, columns), list(columns), {}))

    def repeats(self, relation: Any, keys: Mapping[str, Sql]) -> int:
        return self.alike(relation, keys, {})["extra"]

    def alike(self, relation: Any, keys: Mapping[str, Sql], more: Mapping[str, Sql]) -> dict[str, int]:
        """Return how many rows have keys of a row before, and what sums of all rows come to."""
        # Codes of one township differ in their last digits: 64 of them at a time are the bits of one number.
        first, *others = keys
        blocks = {"block__": self.block(keys[first]), "bit__": self.bit(keys[first])}
        chosen = self.project(relation, {**blocks, **{name: keys[name] for name in others}})
        bit = self.column("bit__")
        sums = {"extra": Sql(f"COUNT({bit}) - bit_count(bit_or({bit}))", PLUS), **more}
        counted = self.aggregate(chosen, ["block__", *others], sums)
        return self.one_row(counted, {name: self.column(name) for name in sums})

    @abstractmethod
    def block(self, number: Sql) -> Sql:
        """Return a 64-bit integer without its last six bits."""

    @abstractmethod
    def bit(self, number: Sql) -> Sql:
        """Return the one bit that its last six bits count."""

    def join(self, left: Any, right: Any, on: Sequence[str], add: Sequence[str]) -> Any:
        renamed = {f"{name}__right": self.column(name) for name in on}
        other = self.project(right, {**renamed, **{name: self.column(name) for name in add}})
        same = (self.column(name) == self.column(f"{name}__right") for name in on)
        return self.matched(left, other, functools.reduce(operator.and_, same))

    @abstractmethod
    def matched(self, left: Any, right: Any, condition: Sql) -> Any:
        """Return every row of the left beside those of the right that meet a condition, or nulls."""
