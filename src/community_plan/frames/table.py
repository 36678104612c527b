"""Table: whole numbers in a frame of any engine, and the expressions that narwhals sums over it.

Sums are taken in the one shape that is right everywhere: select the masked columns, then group once and sum
plain columns. narwhals drops masks inside an aggregation on pandas and pyarrow without a word.
"""

from __future__ import annotations

import functools
import importlib.util
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import attrs
import narwhals as nw

from community_plan.entry import (
    INT64_MAX,
    OVERFLOW_MEND,
    Note,
)
from community_plan.errors import MissingDependencyError, SumOverflowError
from community_plan.expressions import (
    Add,
    And,
    Bool,
    Cmp,
    Col,
    Const,
    In,
    Int,
    Known,
    Lit,
    Not,
    Or,
    Scale,
    When,
    columns_of,
)
from community_plan.frames.parts import constant, flag, integers, label, modulo
from community_plan.grouping import Listed
from community_plan.programs import REMAINDER
from community_plan.regions import (
    COUNTY_KIND_RANGES,
    LEVELS,
    PROVINCE_RUN,
    SETTING_RANGES,
    TOWNSHIP_KIND_RANGES,
    CountyKind,
    Level,
)
from community_plan.variables import Variable

__all__ = [
    "FrameTable",
    "as_frame",
    "cells_of",
    "collect",
    "from_columns",
    "headers_of",
    "is_frame",
    "open_parquet",
    "scan_csv",
]


def is_frame(data: object) -> bool:
    """Say whether narwhals knows this kind of object as a frame."""
    return isinstance(nw.from_native(data, pass_through=True), nw.DataFrame | nw.LazyFrame)


def as_frame(data: Any) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Wrap a frame of any engine."""
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any] = nw.from_native(data)
    return frame


@attrs.frozen(kw_only=True)
class FrameTable(Listed):
    """A frame of whole numbers, ready to be summed."""

    frame: nw.DataFrame[Any]
    """Int64 columns by variable id, Boolean columns `…__known`, String columns `…__label`."""
    amount_names: tuple[str, ...]
    """Variables that the table holds as numbers."""
    nullable: frozenset[str]
    """Variables that have a flag."""
    notes: tuple[Note, ...] = ()
    """What happened on entry."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.frame)

    def label_cells(self, name: str) -> list[str | None]:
        """Return a key column."""
        return [_text_or_none(cell) for cell in self.frame.get_column(label(name)).to_list()]

    def fill_from_code(self, variable: Variable, declared: Mapping[str, CountyKind]) -> FrameTable:
        """Fill a category that follows from the code where no cell says otherwise."""
        code = nw.col(label("code")).cast(nw.Int64())
        if variable.id in LEVELS:
            # The number of a region is the code's leading digits; every code has them.
            width = len(self.frame.get_column(label("code"))[0] or "") if self.rows else 0
            region = code // 10 ** (width - next(w for name, w in LEVELS.items() if name == variable.id))
            frame = self.frame.with_columns(region.cast(nw.Int64()).alias(variable.id))
            return attrs.evolve(self, frame=frame, amount_names=(*self.amount_names, variable.id))
        ranges: Mapping[str, range]
        said = ~code.is_null()
        match variable.id:
            case "setting":
                number, ranges = modulo(code, 1000), _by_name(SETTING_RANGES)
            case "township_kind":  # a township's own code ends with the digits that say it
                number, ranges = modulo(code, 1000), _by_name(TOWNSHIP_KIND_RANGES)
            case _:
                number, ranges = modulo(code // 10**6, 100), _by_name(COUNTY_KIND_RANGES)
                said = modulo(code // 10**8, 100) != PROVINCE_RUN
        value, known = nw.lit(0, dtype=nw.Int64()), nw.lit(False)
        for name, span in ranges.items():
            within = (number >= span.start) & (number < span.stop) & said
            value, known = value + within.cast(nw.Int64()) * variable.number_of(name), known | within
        for county, kind in declared.items():
            here = code // 10**6 == int(county)
            value, known = nw.when(here).then(variable.number_of(kind)).otherwise(value), known | here
        if variable.id in self.amount_names:
            given = nw.col(flag(variable.id)) if variable.id in self.nullable else nw.lit(True)
            value, known = nw.when(given).then(nw.col(variable.id)).otherwise(value), given | known
        frame = self.frame.with_columns(value.cast(nw.Int64()).alias(variable.id), known.alias(flag(variable.id)))
        every = bool(len(frame) == 0 or frame.get_column(flag(variable.id)).all())
        return attrs.evolve(
            self,
            frame=frame,
            amount_names=tuple(dict.fromkeys([*self.amount_names, variable.id])),
            nullable=self.nullable - {variable.id} if every else self.nullable | {variable.id},
        )

    def amount_cells(self, name: str) -> list[int | None]:
        """Return a column of numbers, None where a cell is missing."""
        cells = [int(cell) for cell in self.frame.get_column(name).to_list()]
        if name not in self.nullable:
            return list(cells)
        known = self.frame.get_column(flag(name)).to_list()
        return [cell if told else None for cell, told in zip(cells, known, strict=True)]

    def with_amounts(self, amounts: Mapping[str, Sequence[int | None]]) -> FrameTable:
        """Add columns of numbers."""
        frame, missing = self.frame, set()
        for name, cells in amounts.items():
            columns = [self._series(name, [cell or 0 for cell in cells], nw.Int64())]
            if any(cell is None for cell in cells):
                missing.add(name)
                columns.append(self._series(flag(name), [cell is not None for cell in cells], nw.Boolean()))
            frame = frame.with_columns(*columns)
        names = tuple(dict.fromkeys([*self.amount_names, *amounts]))
        return attrs.evolve(self, frame=frame, amount_names=names, nullable=self.nullable | missing)

    def _series(self, name: str, cells: Sequence[Any], dtype: nw.dtypes.DType) -> nw.Series[Any]:
        return nw.new_series(name, cells, dtype, backend=self.frame.implementation)

    def with_level(self, level: Level) -> FrameTable:
        """Add the key column of a level: as given where it is, else cut from the code."""
        cut = nw.col(label("code")).str.slice(0, LEVELS[level])
        region = nw.concat_str(cut, nw.lit("00")) if level == "city" else cut
        if label(level) in self.frame.columns:
            given = nw.col(label(level))
            region = nw.when(~given.is_null()).then(given).otherwise(region)
        return attrs.evolve(self, frame=self.frame.with_columns(region.alias(label(level))))

    def with_remainder(
        self, amounts: Mapping[str, Sequence[int | None]], labels: Mapping[str, Sequence[str | None]]
    ) -> FrameTable:
        """Append rows that are no community, marked by a column `remainder`."""
        added = len(next(iter(amounts.values()), ()))
        missing = {name for name, cells in amounts.items() if any(cell is None for cell in cells)} | self.nullable
        flags = [nw.lit(True).alias(flag(name)) for name in sorted(missing - self.nullable)]
        frame = self.frame.with_columns(*flags, nw.lit(0, dtype=nw.Int64()).alias(REMAINDER))
        columns: dict[str, nw.Series[Any]] = {}
        for name in frame.columns:
            if name == REMAINDER:
                cells: Sequence[Any] = [1] * added
            elif name.endswith("__known"):
                given = amounts.get(name.removesuffix("__known"))
                cells = [True] * added if given is None else [cell is not None for cell in given]
            elif name.endswith("__label"):
                cells = labels.get(name.removesuffix("__label"), [None] * added)
            else:
                cells = [cell or 0 for cell in amounts[name]]
            columns[name] = self._series(name, cells, frame.schema[name])
        more = nw.from_dict(columns)
        return attrs.evolve(
            self,
            frame=nw.concat([frame, more], how="vertical"),
            amount_names=(*self.amount_names, REMAINDER),
            nullable=frozenset(missing),
        )

    def sums(
        self, keys: Sequence[str], features: Sequence[Int]
    ) -> list[tuple[tuple[str | None, ...], tuple[int, ...]]]:
        """Return, for each combination of key labels, the sum of every feature.

        Raises:
            SumOverflowError: If a sum passes 2^63, or a product that is compared could.
        """
        if self.rows == 0:
            return [] if keys else [((), (0,) * len(features))]
        emit = _Emitter(self.nullable)
        anchor = nw.col(self.frame.columns[0])
        numbers = [constant(f.value, anchor) if isinstance(f, Lit) else emit.number(f) for f in features]
        if not self._may_overflow(features):
            return self._add_up(keys, numbers)
        # 64 bits might not hold a sum: upper and lower halves are added up apart and put together exactly.
        halves = [part for number in numbers for part in (number // _HALF, modulo(number, _HALF))]
        totals = [
            (key, tuple(high * _HALF + low for high, low in zip(sums[::2], sums[1::2], strict=True)))
            for key, sums in self._add_up(keys, halves)
        ]
        if any(total > INT64_MAX for _, sums in totals for total in sums):
            raise SumOverflowError(f"a sum over {self.rows} rows passes 2^63 quanta", mend=OVERFLOW_MEND)
        return totals

    def _add_up(
        self, keys: Sequence[str], numbers: Sequence[nw.Expr]
    ) -> list[tuple[tuple[str | None, ...], tuple[int, ...]]]:
        names = [f"f{index}" for index in range(len(numbers))]
        labels = [label(key) for key in keys]
        chosen = self.frame.select(*labels, *(number.alias(name) for number, name in zip(numbers, names, strict=True)))
        if not keys:
            return [((), integers(chosen.select(nw.col(*names).sum())))]
        grouped = chosen.group_by(*labels).agg(nw.col(*names).sum()).select(*labels, *names)
        width = len(keys)
        return [(tuple(map(_text_or_none, row[:width])), tuple(map(int, row[width:]))) for row in grouped.iter_rows()]

    def _may_overflow(self, features: Sequence[Int]) -> bool:
        columns = sorted({name for feature in features for name in columns_of(feature) if name in self.frame.columns})
        largest = (
            dict(zip(columns, integers(self.frame.select(nw.col(*columns).max())), strict=True)) if columns else {}
        )
        bounds = [_bound(feature, largest) for feature in features]
        if any(bound > INT64_MAX for bound in bounds):
            raise SumOverflowError("a product that is compared could pass 2^63 quanta", mend=OVERFLOW_MEND)
        return any(bound * self.rows > INT64_MAX for bound in bounds)


_HALF = 2**31
"""Where a whole number is cut in two so that each half's sum fits 64 bits."""


def _by_name(ranges: Mapping[Any, range]) -> dict[str, range]:
    return {str(name): span for name, span in ranges.items()}


def _text_or_none(cell: object) -> str | None:
    """Return a label as it is, and every engine's idea of a missing one as None."""
    return cell if isinstance(cell, str) else None


def _bound(node: Int | Bool, largest: Mapping[str, int]) -> int:
    """Return a number that no row's value, and no side of a comparison in it, exceeds."""
    match node:
        case Lit():
            return abs(node.value)
        case Col():
            return largest[node.name]
        case Add():
            return sum(_bound(term, largest) for term in node.terms)
        case Scale():
            return abs(node.factor) * _bound(node.term, largest)
        case When():
            return max(_bound(node.term, largest), _bound(node.condition, largest))
        case Cmp():
            return max(_bound(node.left, largest), _bound(node.right, largest))
        case And() | Or():
            return max(_bound(part, largest) for part in node.parts)
        case Not():
            return _bound(node.part, largest)
        case Const() | Known() | In():
            return 0


@attrs.frozen
class _Emitter:
    """Writes expressions for narwhals."""

    nullable: frozenset[str]

    def number(self, node: Int) -> nw.Expr:
        match node:
            case Lit():
                return nw.lit(node.value, dtype=nw.Int64())
            case Col():
                return nw.col(node.name)
            case Add():
                return functools.reduce(operator.add, map(self.number, node.terms))
            case Scale():
                return self.number(node.term) * node.factor
            case When():
                if isinstance(node.term, Lit):
                    return self.truth(node.condition).cast(nw.Int64()) * node.term.value
                return nw.when(self.truth(node.condition)).then(self.number(node.term)).otherwise(0)

    def truth(self, node: Bool) -> nw.Expr:
        match node:
            case Const():
                return nw.lit(node.value)
            case Known():
                return nw.col(flag(node.name)) if node.name in self.nullable else nw.lit(True)
            case In():
                return nw.col(node.name).is_in(node.values)
            case Cmp():
                return _OPERATORS[node.op](self.number(node.left), self.number(node.right))
            case And():
                return functools.reduce(operator.and_, map(self.truth, node.parts))
            case Or():
                return functools.reduce(operator.or_, map(self.truth, node.parts))
            case Not():
                return ~self.truth(node.part)


_OPERATORS: dict[str, Callable[[nw.Expr, nw.Expr], nw.Expr]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "=": operator.eq,
}


def collect(frame: nw.DataFrame[Any] | nw.LazyFrame[Any], headers: Sequence[str]) -> nw.DataFrame[Any]:
    """Return the named columns of a frame, in memory."""
    chosen = frame.select(*dict.fromkeys(headers))
    return chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen


def headers_of(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> list[str]:
    """Return the column names of a frame."""
    return list(frame.collect_schema().names())


def from_columns(columns: Mapping[str, Sequence[Any]], like: Any = None) -> Any:
    """Return columns as a native frame: of the kind of an eager frame, else of an installed library.

    Raises:
        MissingDependencyError: If none of polars, pandas and pyarrow is installed.
    """
    eager = ("polars", "pandas", "pyarrow")
    if isinstance(like, nw.DataFrame):
        backend: Any = like.implementation
    else:
        backend = next((name for name in eager if importlib.util.find_spec(name) is not None), None)
    if backend is None:
        raise MissingDependencyError("polars, pandas or pyarrow", extra="polars", purpose="a frame")
    return nw.from_dict(dict(columns), backend=backend).to_native()


def cells_of(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> dict[str, list[Any]]:
    """Return a small frame as Python cells, every engine's idea of a missing one as None."""
    whole = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return {name: [_cell(cell) for cell in cells] for name, cells in whole.to_dict(as_series=False).items()}


def _cell(cell: Any) -> Any:
    missing = cell is None or (not isinstance(cell, str) and str(cell) in ("nan", "<NA>", "NaT"))
    return None if missing else cell


def open_parquet(paths: Sequence[str], library: Literal["polars", "pyarrow"]) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Open parquet files with an installed library: lazily with polars, in memory with pyarrow."""
    if library == "polars":
        from community_plan.frames.polars_engine import scan_parquet

        return as_frame(scan_parquet(paths))
    return nw.concat([nw.read_parquet(path, backend=library) for path in paths])


def scan_csv(paths: Sequence[str], headers: Sequence[str]) -> nw.LazyFrame[Any]:
    """Open CSV files as a lazy frame of texts, with polars."""
    from community_plan.frames import polars_engine

    frame = as_frame(polars_engine.scan_csv(paths, headers))
    assert isinstance(frame, nw.LazyFrame)
    return frame
