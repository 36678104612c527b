"""Frames: the door to narwhals, and through it to polars, pandas and the rest.

On entry every column becomes Int64 without nulls, with a flag beside it where cells may be missing. After
that no engine's idea of null, NaN, overflow or rounding takes part. Sums are taken in the one shape that is
right everywhere: select the masked columns, then group once and sum plain columns.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import attrs
import narwhals as nw

from community_plan.columns import read_cells, rounded_note
from community_plan.entry import (
    INT64_MAX,
    MAX_QUANTA,
    MISSING_WORDS,
    OVERFLOW_MEND,
    Note,
    Source,
    SourceColumn,
    bad_cells,
    duplicate_code,
    too_fine,
)
from community_plan.errors import ColumnTypeError, CommunityPlanError, SumOverflowError
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
from community_plan.programs import REMAINDER
from community_plan.regions import COUNTY_KIND_RANGES, LEVELS, PROVINCE_RUN, SETTING_RANGES, CountyKind, Level
from community_plan.variables import Variable, normalise_word

__all__ = ["FrameTable", "as_frame", "collect", "enter", "headers_of", "is_frame", "read_parquet"]


def is_frame(data: object) -> bool:
    """Say whether narwhals knows this kind of object as a frame."""
    return isinstance(nw.from_native(data, pass_through=True), nw.DataFrame | nw.LazyFrame)


def as_frame(data: Any) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Wrap a frame of any engine."""
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any] = nw.from_native(data)
    return frame


def _flag(name: str) -> str:
    return f"{name}__known"


def _label(name: str) -> str:
    return f"{name}__label"


@attrs.frozen(kw_only=True)
class FrameTable:
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
        return [_text_or_none(cell) for cell in self.frame.get_column(_label(name)).to_list()]

    def fill_from_code(self, variable: Variable, declared: Mapping[str, CountyKind]) -> FrameTable:
        """Fill a category that follows from the code where no cell says otherwise."""
        code = nw.col(_label("code")).cast(nw.Int64())
        if variable.id == "setting":
            number, ranges = _modulo(code, 1000), {str(name): span for name, span in SETTING_RANGES.items()}
            said = nw.lit(True)
        else:
            number, ranges = _modulo(code // 10**6, 100), {str(name): span for name, span in COUNTY_KIND_RANGES.items()}
            said = _modulo(code // 10**8, 100) != PROVINCE_RUN
        value, known = nw.lit(0, dtype=nw.Int64()), nw.lit(False)
        for name, span in ranges.items():
            within = (number >= span.start) & (number < span.stop) & said
            value, known = value + within.cast(nw.Int64()) * variable.number_of(name), known | within
        for county, kind in declared.items():
            here = code // 10**6 == int(county)
            value, known = nw.when(here).then(variable.number_of(kind)).otherwise(value), known | here
        if variable.id in self.amount_names:
            given = nw.col(_flag(variable.id)) if variable.id in self.nullable else nw.lit(True)
            value, known = nw.when(given).then(nw.col(variable.id)).otherwise(value), given | known
        frame = self.frame.with_columns(value.cast(nw.Int64()).alias(variable.id), known.alias(_flag(variable.id)))
        every = bool(len(frame) == 0 or frame.get_column(_flag(variable.id)).all())
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
        known = self.frame.get_column(_flag(name)).to_list()
        return [cell if told else None for cell, told in zip(cells, known, strict=True)]

    def with_amounts(self, amounts: Mapping[str, Sequence[int | None]]) -> FrameTable:
        """Add columns of numbers."""
        frame, missing = self.frame, set()
        for name, cells in amounts.items():
            columns = [self._series(name, [cell or 0 for cell in cells], nw.Int64())]
            if any(cell is None for cell in cells):
                missing.add(name)
                columns.append(self._series(_flag(name), [cell is not None for cell in cells], nw.Boolean()))
            frame = frame.with_columns(*columns)
        names = tuple(dict.fromkeys([*self.amount_names, *amounts]))
        return attrs.evolve(self, frame=frame, amount_names=names, nullable=self.nullable | missing)

    def _series(self, name: str, cells: Sequence[Any], dtype: nw.dtypes.DType) -> nw.Series[Any]:
        return nw.new_series(name, cells, dtype, backend=self.frame.implementation)

    def with_level(self, level: Level) -> FrameTable:
        """Add the key column of a level: as given where it is, else cut from the code."""
        cut = nw.col(_label("code")).str.slice(0, LEVELS[level])
        label = nw.concat_str(cut, nw.lit("00")) if level == "city" else cut
        if _label(level) in self.frame.columns:
            given = nw.col(_label(level))
            label = nw.when(~given.is_null()).then(given).otherwise(label)
        return attrs.evolve(self, frame=self.frame.with_columns(label.alias(_label(level))))

    def with_remainder(
        self, amounts: Mapping[str, Sequence[int | None]], labels: Mapping[str, Sequence[str | None]]
    ) -> FrameTable:
        """Append rows that are no community, marked by a column `remainder`."""
        added = len(next(iter(amounts.values()), ()))
        missing = {name for name, cells in amounts.items() if any(cell is None for cell in cells)} | self.nullable
        flags = [nw.lit(True).alias(_flag(name)) for name in sorted(missing - self.nullable)]
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
            SumOverflowError: If a sum, or a product that is compared, could pass 2^63.
        """
        if self.rows == 0:
            return [] if keys else [((), (0,) * len(features))]
        self._check_bounds(features)
        emit = _Emitter(self.nullable)
        names = [f"f{index}" for index in range(len(features))]
        anchor = nw.col(self.frame.columns[0])
        numbers = (_constant(f.value, anchor) if isinstance(f, Lit) else emit.number(f) for f in features)
        expressions = [number.alias(name) for number, name in zip(numbers, names, strict=True)]
        labels = [_label(key) for key in keys]
        chosen = self.frame.select(*labels, *expressions)
        if not keys:
            return [((), _row(chosen.select(nw.col(*names).sum())))]
        grouped = chosen.group_by(*labels).agg(nw.col(*names).sum()).select(*labels, *names)
        width = len(keys)
        return [(tuple(map(_text_or_none, row[:width])), tuple(map(int, row[width:]))) for row in grouped.iter_rows()]

    def _check_bounds(self, features: Sequence[Int]) -> None:
        columns = sorted({name for feature in features for name in columns_of(feature) if name in self.frame.columns})
        largest = dict(zip(columns, _row(self.frame.select(nw.col(*columns).max())), strict=True)) if columns else {}
        if any(_bound(feature, largest) * self.rows > INT64_MAX for feature in features):
            raise SumOverflowError(f"a sum over {self.rows} rows could pass 2^63 quanta", mend=OVERFLOW_MEND)


def _modulo(number: nw.Expr, divisor: int) -> nw.Expr:
    # pandas has no % for Arrow integers
    return number - number // divisor * divisor


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
                return nw.col(_flag(node.name)) if node.name in self.nullable else nw.lit(True)
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


@attrs.frozen
class _Check:
    """Something that must not be so in any row."""

    column: SourceColumn
    problem: str
    """What is wrong; `{got}` stands for the cell of the first row."""
    mend: str | None
    mask: nw.Expr
    """The rows in which it is so."""


@attrs.frozen
class _Entered:
    """One variable on its way in: its numbers, where they are known, and what must not be so."""

    column: SourceColumn
    value: nw.Expr
    known: nw.Expr
    checks: tuple[_Check, ...] = ()
    rounded: nw.Expr | None = None
    """The rows in which a unit did not come out even."""


def enter(
    frame: nw.DataFrame[Any],
    source: Source,
    columns: Mapping[str, SourceColumn],
    *,
    labels: Mapping[str, str],
    unique: Sequence[str],
    faults: list[CommunityPlanError],
) -> FrameTable:
    """Turn a frame into whole numbers; append a fault for everything that is wrong.

    Args:
        frame: The user's frame.
        source: What table it is.
        columns: The columns to take, by variable id.
        labels: Key name to header, for columns that are grouped by and are no variable.
        unique: Headers that together name a row, the code first.
        faults: Collects what is wrong.
    """
    notes: list[Note] = []
    entered: dict[str, _Entered] = {}
    schema = frame.collect_schema()
    work = frame
    texts: dict[str, nw.Expr] = {key: _as_text(header) for key, header in labels.items()}
    for name, column in columns.items():
        kind, dtype = column.variable.type, schema[column.header]
        if kind == "quantity":
            if isinstance(dtype, nw.Object | nw.Decimal):
                work = _cells_to_integers(work, source, column, faults, notes)
                entered[name] = _entered_integer(column, nw.col(column.header), done=True)
            else:
                item = _entered_quantity(work, source, column, dtype, faults)
                if item is not None:
                    entered[name] = item
        elif kind == "category":
            item = _entered_category(work, source, column, dtype, faults)
            if item is not None:
                entered[name] = item
        elif kind == "text":
            texts[name] = _as_text(column.header)
        else:
            if not isinstance(dtype, nw.String | nw.Categorical | nw.Enum) and not dtype.is_integer():
                faults.append(
                    ColumnTypeError(
                        f"expected codes as text, got {dtype}",
                        place=source.place(column=column.header),
                        mend="read the column as text; floats round 12-digit codes",
                    )
                )
                continue
            texts[name] = _as_text(column.header)
    _find_faults(work, source, entered, texts, columns, faults, notes)
    if unique and all(header in schema for header in unique):
        _find_duplicates(work, source, unique, faults)
    if faults:  # the caller raises them; numbers made from faulty cells are of no use
        return FrameTable(frame=frame.head(0), amount_names=(), nullable=frozenset())
    nullable = _find_missing(work, entered)
    expressions = [item.value.alias(name) for name, item in entered.items()]
    expressions += [entered[name].known.alias(_flag(name)) for name in sorted(nullable)]
    expressions += [text.alias(_label(name)) for name, text in texts.items()]
    normal = work.select(*expressions)
    return FrameTable(frame=normal, amount_names=tuple(entered), nullable=nullable, notes=tuple(notes))


def _as_text(header: str) -> nw.Expr:
    return nw.col(header).cast(nw.String())


def _cells_to_integers(
    frame: nw.DataFrame[Any], source: Source, column: SourceColumn, faults: list[CommunityPlanError], notes: list[Note]
) -> nw.DataFrame[Any]:
    """Read a column of Python objects or decimals cell by cell, exactly."""
    cells = read_cells(source, column, frame.get_column(column.header).to_list(), faults, notes)
    series = nw.new_series(
        column.header, [-1 if cell is None else cell for cell in cells], nw.Int64(), backend=frame.implementation
    )
    native = frame.with_columns(series.alias(column.header))
    return native.with_columns(nw.when(nw.col(column.header) >= 0).then(nw.col(column.header)))


def _entered_integer(column: SourceColumn, cell: nw.Expr, *, done: bool = False) -> _Entered:
    known = ~cell.is_null()
    whole = cell.fill_null(0).cast(nw.Int64())
    if done:
        return _Entered(column, whole, known)
    quanta = column.quanta
    negative, large = whole < 0, whole > math.floor(MAX_QUANTA / quanta)
    safe = nw.when(~(negative | large)).then(whole).otherwise(0)
    value, rounded = _convert(safe, quanta)
    return _Entered(column, value, known, _range_checks(column, negative, large), rounded)


_MEND = "correct the cell, or leave it empty if the value is not known"


def _range_checks(column: SourceColumn, negative: nw.Expr, large: nw.Expr) -> tuple[_Check, ...]:
    limit = f"expected at most 2^50 × {column.variable.quantum}, got {{got}}"
    return _Check(column, "expected 0 or more, got {got}", _MEND, negative), _Check(column, limit, _MEND, large)


def _convert(whole: nw.Expr, factor: Fraction) -> tuple[nw.Expr, nw.Expr | None]:
    """Multiply whole numbers ≥ 0 by a fraction, rounding half to even; say where that rounded."""
    above, below = factor.numerator, factor.denominator
    product = whole * above if above != 1 else whole
    if below == 1:
        return product, None
    floor = product // below
    rest = product - floor * below
    up = (rest * 2 > below) | ((rest * 2 == below) & (_modulo(floor, 2) == 1))
    return floor + up.cast(nw.Int64()), rest > 0


def _is_empty(frame: nw.DataFrame[Any], column: SourceColumn) -> bool:
    """Say whether a column holds nothing but nulls, whatever type an engine gives to that."""
    return frame.get_column(column.header).null_count() == len(frame)


def _nothing_known(column: SourceColumn) -> _Entered:
    cell = nw.col(column.header)
    return _Entered(column, _constant(0, cell), ~cell.is_null())


def _constant(value: int, like: nw.Expr) -> nw.Expr:
    """Return a number for every row of a column: a literal alone would be one row, and cannot be summed."""
    return like.is_null().cast(nw.Int64()) * 0 + value


def _entered_quantity(
    frame: nw.DataFrame[Any],
    source: Source,
    column: SourceColumn,
    dtype: nw.dtypes.DType,
    faults: list[CommunityPlanError],
) -> _Entered | None:
    cell = nw.col(column.header)
    if dtype.is_integer():
        return _entered_integer(column, cell)
    if not dtype.is_float() and _is_empty(frame, column):
        return _nothing_known(column)
    if not dtype.is_float():
        faults.append(
            ColumnTypeError(
                f"expected numbers, got {dtype}",
                place=source.place(column=column.header),
                mend=f"cast {column.header!r} to a number; texts of digits are not taken for numbers",
            )
        )
        return None
    number = cell.cast(nw.Float64())
    known = number.is_finite().fill_null(False)
    finite = nw.when(known).then(number).otherwise(0.0)
    digits = float(10**column.places)
    scaled = (finite * digits).round(0)
    factor = column.quanta / 10**column.places
    limit = min(MAX_QUANTA, math.floor(MAX_QUANTA / factor))
    negative, large = finite < 0, scaled > limit
    # Divided by a column, not by a number: polars turns x / 10000 into x * (1 / 10000), which is off in the last bit.
    back = scaled / (finite * 0.0 + digits)
    if isinstance(dtype, nw.Float32):
        back = back.cast(nw.Float32()).cast(nw.Float64())
    # A float is accepted if it is the double nearest to a decimal with so many places.
    fine = (back != finite) & ~large & ~negative
    safe = nw.when(~(negative | large)).then(scaled).otherwise(0.0).cast(nw.Int64())
    value, rounded = _convert(safe, factor)
    checks = (
        *_range_checks(column, negative, large),
        _Check(column, too_fine(column, "{got}"), f"round it yourself: round({column.places})", fine),
    )
    return _Entered(column, value, known, checks, rounded)


def _entered_category(
    frame: nw.DataFrame[Any],
    source: Source,
    column: SourceColumn,
    dtype: nw.dtypes.DType,
    faults: list[CommunityPlanError],
) -> _Entered | None:
    if _is_empty(frame, column):
        return _nothing_known(column)
    if not isinstance(dtype, nw.String | nw.Categorical | nw.Enum | nw.Object):
        faults.append(
            ColumnTypeError(f"expected words, got {dtype}", place=source.place(column=column.header), mend=None)
        )
        return None
    words: dict[int, list[str]] = {}
    missing = [""]
    for word in frame.get_column(column.header).cast(nw.String()).unique().to_list():
        if not isinstance(word, str):
            continue
        number = column.variable.spellings.get(normalise_word(word))
        if number is not None:
            words.setdefault(number, []).append(word)
        elif normalise_word(word) in MISSING_WORDS:
            missing.append(word)
    cell = nw.col(column.header).cast(nw.String()).fill_null("")
    value = _constant(0, cell)
    for number, spellings in words.items():
        if number:
            value = value + cell.is_in(spellings).cast(nw.Int64()) * number
    every = [word for spellings in words.values() for word in spellings]
    known = cell.is_in(every) if every else cell.is_null()  # an empty list has no type; no cell is null here
    listed = ", ".join(f"{category.id} ({category.label.zh})" for category in column.variable.values)
    problem = f"expected one of {listed}, got {{got!r}}"
    check = _Check(column, problem, "use one of these words, or leave the cell empty", ~cell.is_in([*every, *missing]))
    return _Entered(column, value, known, (check,))


def _find_missing(frame: nw.DataFrame[Any], entered: Mapping[str, _Entered]) -> frozenset[str]:
    if not entered or not len(frame):
        return frozenset()
    counted = _row(frame.select(*(item.known.cast(nw.Int64()).sum().alias(name) for name, item in entered.items())))
    return frozenset(name for name, count in zip(entered, counted, strict=True) if count < len(frame))


def _row(frame: nw.DataFrame[Any]) -> tuple[int, ...]:
    return tuple(int(cell) for cell in frame.row(0))


def _find_faults(
    frame: nw.DataFrame[Any],
    source: Source,
    entered: Mapping[str, _Entered],
    texts: Mapping[str, nw.Expr],
    columns: Mapping[str, SourceColumn],
    faults: list[CommunityPlanError],
    notes: list[Note],
) -> None:
    """Count, in one pass, the rows in which each thing is wrong; then find those rows."""
    checks = [check for item in entered.values() for check in item.checks]
    checks += [
        _code_check(column, texts[name]) for name, column in columns.items() if name in texts and _is_code(column)
    ]
    for part in entered.values():
        whole = entered.get(part.column.variable.part_of or "")
        if whole is not None:
            larger = (part.value > whole.value) & part.known & whole.known
            problem = f"expected at most its whole, column {whole.column.header!r}, got {{got}}"
            checks.append(_Check(part.column, problem, _MEND, larger))
    roundings = [(item.column, item.rounded) for item in entered.values() if item.rounded is not None]
    masks = [check.mask for check in checks] + [mask for _, mask in roundings]
    if not masks or not len(frame):
        return
    counts = _row(frame.select(*(mask.cast(nw.Int64()).sum().alias(f"m{i}") for i, mask in enumerate(masks))))
    for check, count in zip(checks, counts, strict=False):
        if count:
            found = frame.with_row_index("row__").filter(check.mask).head(5)
            got = found.get_column(check.column.header).to_list()[0]
            rows = [int(row) + 1 for row in found.get_column("row__").to_list()]
            text = check.problem.format(got=got)
            faults.append(bad_cells(source, check.column.header, text, rows, count=count, mend=check.mend))
    for (column, _), count in zip(roundings, counts[len(checks) :], strict=True):
        if count:
            notes.append(rounded_note(column, count))


def _is_code(column: SourceColumn) -> bool:
    return column.variable.type in ("code", "region_code")


def _code_check(column: SourceColumn, text: nw.Expr) -> _Check:
    cell = text.fill_null("")
    if column.variable.type == "code":
        problem = "expected a 12-digit community code, got {got!r}"
        wrong = ~cell.str.contains(r"^[1-9][0-9]{11}$") | cell.str.ends_with("000")
    else:
        problem = "expected a statistical code of 4, 6, 9 or 12 digits, got {got!r}"
        wrong = ~cell.str.contains(_REGION_CODE)
    return _Check(column, problem, "store codes as text; spreadsheets round numbers of 12 digits", wrong)


_REGION_CODE = r"^[1-9][0-9]{3}(?:00|[0-9]{2}(?:[0-9]{3}(?:[0-9]{3})?)?)?$"


def _find_duplicates(
    frame: nw.DataFrame[Any], source: Source, unique: Sequence[str], faults: list[CommunityPlanError]
) -> None:
    keys = frame.select(*(_as_text(header).alias(header) for header in unique))
    extra = len(keys) - len(keys.unique())
    if not extra:
        return
    first: dict[tuple[Any, ...], int] = {}
    for row, key in enumerate(keys.iter_rows(), start=1):
        if first.setdefault(key, row) != row:
            faults.append(duplicate_code(source, unique[0], str(key[0]), row=row, earlier=first[key], count=extra))
            return


def collect(frame: nw.DataFrame[Any] | nw.LazyFrame[Any], headers: Sequence[str]) -> nw.DataFrame[Any]:
    """Return the named columns of a frame, in memory."""
    chosen = frame.select(*dict.fromkeys(headers))
    return chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen


def headers_of(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> list[str]:
    """Return the column names of a frame."""
    return list(frame.collect_schema().names())


def read_parquet(path: Path, library: Literal["polars", "pyarrow"]) -> nw.DataFrame[Any]:
    """Read a parquet file with an installed library."""
    return nw.read_parquet(str(path), backend=library)
