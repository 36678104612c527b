"""Entry: a frame's columns turned into Int64 without nulls, with a flag beside each that may be missing.

After that no engine's idea of null, NaN, overflow or rounding takes part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs
import narwhals as nw

from community_plan.columns import read_cells, rounded_note
from community_plan.entry import (
    FLOAT32_DUST,
    FLOAT_DUST,
    LEAST_DUST,
    MAX_QUANTA,
    MISSING_WORDS,
    Note,
    Source,
    SourceColumn,
    bad_cells,
    duplicate_code,
    too_fine,
)
from community_plan.errors import ColumnTypeError, CommunityPlanError
from community_plan.frames.parts import as_text, constant, flag, integers, label, modulo
from community_plan.frames.table import FrameTable
from community_plan.variables import normalise_word

__all__ = ["enter"]


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
    texts: dict[str, nw.Expr] = {key: as_text(header) for key, header in labels.items()}
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
            texts[name] = as_text(column.header)
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
            texts[name] = as_text(column.header)
            if kind == "township_code":
                texts[name] = texts[name].str.slice(0, 9)  # three zeros may fill it up
    _find_faults(work, source, entered, texts, columns, faults, notes)
    if unique and all(header in schema for header in unique):
        _find_duplicates(work, source, unique, faults)
    if faults:  # the caller raises them; numbers made from faulty cells are of no use
        return FrameTable(frame=frame.head(0), amount_names=(), nullable=frozenset())
    nullable = _find_missing(work, entered)
    expressions = [item.value.alias(name) for name, item in entered.items()]
    expressions += [entered[name].known.alias(flag(name)) for name in sorted(nullable)]
    expressions += [text.alias(label(name)) for name, text in texts.items()]
    normal = work.select(*expressions)
    return FrameTable(frame=normal, amount_names=tuple(entered), nullable=nullable, notes=tuple(notes))


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
    up = (rest * 2 > below) | ((rest * 2 == below) & (modulo(floor, 2) == 1))
    return floor + up.cast(nw.Int64()), rest > 0


def _is_empty(frame: nw.DataFrame[Any], column: SourceColumn) -> bool:
    """Say whether a column holds nothing but nulls, whatever type an engine gives to that."""
    return frame.get_column(column.header).null_count() == len(frame)


def _nothing_known(column: SourceColumn) -> _Entered:
    cell = nw.col(column.header)
    return _Entered(column, constant(0, cell), ~cell.is_null())


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
    exact = finite * float(10**column.places)
    scaled = exact.round(0)
    factor = column.quanta / 10**column.places
    limit = min(MAX_QUANTA, math.floor(MAX_QUANTA / factor))
    negative, large = finite < 0, scaled > limit
    dust = FLOAT32_DUST if isinstance(dtype, nw.Float32) else FLOAT_DUST
    off = (exact - scaled).abs()
    fine = (off > LEAST_DUST) & (off > exact * dust) & ~large & ~negative
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
    if dtype.is_float() or dtype.is_temporal() or dtype.is_nested():
        faults.append(
            ColumnTypeError(f"expected words, got {dtype}", place=source.place(column=column.header), mend=None)
        )
        return None
    words: dict[int, list[str]] = {}
    missing = [""]
    for word in frame.select(as_text(column.header)).get_column(column.header).unique().to_list():
        if not isinstance(word, str):
            continue
        number = column.variable.spellings.get(normalise_word(word))
        if number is not None:
            words.setdefault(number, []).append(word)
        elif normalise_word(word) in MISSING_WORDS:
            missing.append(word)
    cell = nw.col(column.header).cast(nw.String()).fill_null("")
    value = constant(0, cell)
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
    counted = integers(frame.select(*(item.known.cast(nw.Int64()).sum().alias(name) for name, item in entered.items())))
    return frozenset(name for name, count in zip(entered, counted, strict=True) if count < len(frame))


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
    checks += [_code_check(column) for name, column in columns.items() if name in texts and _is_code(column)]
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
    counts = integers(frame.select(*(mask.cast(nw.Int64()).sum().alias(f"m{i}") for i, mask in enumerate(masks))))
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
    return column.variable.type in ("code", "region_code", "township_code")


def _code_check(column: SourceColumn) -> _Check:
    cell = as_text(column.header).fill_null("")
    match column.variable.type:
        case "code":
            problem = "expected a 12-digit community code, got {got!r}"
            wrong = ~cell.str.contains(r"^[1-9][0-9]{11}$") | cell.str.ends_with("000")
        case "township_code":
            problem = "expected a township code of 9 digits, got {got!r}"
            wrong = ~cell.str.contains(r"^[1-9][0-9]{8}(?:000)?$") | cell.str.contains(r"^[0-9]{6}000")
        case _:
            problem = "expected a statistical code of 4, 6, 9 or 12 digits, got {got!r}"
            wrong = ~cell.str.contains(_REGION_CODE)
    return _Check(column, problem, "store codes as text; spreadsheets round numbers of 12 digits", wrong)


_REGION_CODE = r"^[1-9][0-9]{3}(?:00|[0-9]{2}(?:[0-9]{3}(?:[0-9]{3})?)?)?$"


def _find_duplicates(
    frame: nw.DataFrame[Any], source: Source, unique: Sequence[str], faults: list[CommunityPlanError]
) -> None:
    keys = frame.select(*(as_text(header).alias(header) for header in unique))
    extra = len(keys) - len(keys.unique())
    if not extra:
        return
    first: dict[tuple[Any, ...], int] = {}
    for row, key in enumerate(keys.iter_rows(), start=1):
        if first.setdefault(key, row) != row:
            faults.append(duplicate_code(source, unique[0], str(key[0]), row=row, earlier=first[key], count=extra))
            return
