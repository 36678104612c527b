"""Entry: how cells become whole numbers of quanta, and what is said when they cannot.

Both ways in — Python cells here, frames in `frames` — follow the rules and make the faults of this module.

- A missing cell is None, an empty text or one of `MISSING_WORDS`, NaN or an infinity; it is never zero.
- A label — a region's name, or a cell of a column that is grouped by — has no spaces around it.
- An amount has at most as many decimal places as its column's unit needs to reach one quantum (four for m²,
  none for counts, seven for 亩); more is a fault, never rounded away. A double is the decimal that it lies next
  to: 0.1 + 0.2 is 0.3.
- A unit that does not come out even in quanta (亩 = 2000/3 m²) is rounded half to even once, here, and noted.
- An amount is at least 0 and at most 2^50 quanta, and no larger than the whole it is part of.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral

import attrs

from community_plan.errors import (
    AmbiguousColumnError,
    CellError,
    CommunityPlanError,
    DataError,
    DimensionError,
    DuplicateCodeError,
    MissingColumnError,
    Place,
    QuantityTextError,
    UnknownUnitError,
    did_you_mean,
    nearest,
)
from community_plan.units import DIMENSIONLESS, Quantity, Unit, parse_number, parse_unit, quantity
from community_plan.variables import TableName, Variable, Variables, normalise_word

__all__ = [
    "CELL_MENDS",
    "FLOAT32_DUST",
    "FLOAT_DUST",
    "INT64_MAX",
    "LEAST_DUST",
    "MAX_QUANTA",
    "MISSING_PATTERN",
    "MISSING_WORDS",
    "OVERFLOW_MEND",
    "TOTALS",
    "TOTALS_MEND",
    "TOTALS_PROBLEM",
    "Note",
    "Source",
    "SourceColumn",
    "bad_cells",
    "duplicate_code",
    "larger_than_whole",
    "parse_day",
    "parse_units",
    "read_amount",
    "resolve_columns",
    "too_fine",
]

MAX_QUANTA = 2**50
"""Largest amount a cell may hold, in quanta (for areas 112,589.99 km²).

Up to here a double times a power of ten rounds to the right whole number, whatever the engine."""

FLOAT_DUST = 2.0**-52
"""How far, in parts of itself, a double times a power of ten may lie from the whole number that it stands for."""
FLOAT32_DUST = 2.0**-23
"""The same for single precision."""
LEAST_DUST = 2.0**-16
"""How far it may lie from it in any case.

What additions of doubles leave is no digit: 0.1 + 0.2 is 0.3. And 29.99999999 is not 30."""

INT64_MAX = 2**63 - 1
"""Largest sum, in quanta."""
OVERFLOW_MEND = "check the largest cells, or evaluate parts of the table"

MISSING_WORDS = frozenset(
    {"", "-", "--", "—", "——", "－", "/", "na", "n/a", "nan", "null", "none", "缺失", "未统计", "未报", "不详"}
)
"""Texts of a file's cell that mean “not reported”."""


def _loosely(word: str) -> str:
    wide = (chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else "" for char in word)
    return r"[\s_]*".join(f"[{re.escape(char)}{other}]" for char, other in zip(word, wide, strict=True))


MISSING_PATTERN = rf"(?i:[\s_]*(?:{'|'.join(_loosely(word) for word in sorted(MISSING_WORDS))})[\s_]*)"
"""What those texts match, whatever their case, width and spaces."""
TOTALS = (
    *(
        f"{space.join(word)}{colon}"
        for word in ("合计", "总计", "小计", "共计", "累计")
        for space in ("", " ", "  ", "\u3000")
        for colon in ("", ":", "：")
    ),
    *(f"全{region}{word}" for region in "省市县区镇乡" for word in ("", "合计")),
    *("total", "Total", "TOTAL", "subtotal", "Subtotal", "Grand total"),
)
"""What stands in the place of a name where a row adds up others; none is too long to be compared in every row."""
TOTALS_PROBLEM = "expected the name of one place, got {got!r}, as rows of totals have it"
TOTALS_MEND = "leave out rows of totals: what they add up would be counted twice"
CELL_MENDS = {
    "quantity": "correct the cell, or leave it empty if the value is not known",
    "category": "use one of the listed words, or leave the cell empty if it is not known",
}
"""What can be done with a cell that cannot be read, by the type of its variable."""


@attrs.frozen(kw_only=True)
class Note:
    """Something about the data that the user should know and that is no fault."""

    code: str
    """Kind of note, such as `rounded`."""
    _zh: str
    """What it says, in Chinese; `{count}` stands for the count."""
    _en: str
    """What it says, in English."""
    count: int | None = None
    """How many of what it tells there are; the counts of two tables add up."""

    @property
    def zh(self) -> str:
        """What it says, in Chinese."""
        return self._told(self._zh)

    @property
    def en(self) -> str:
        """What it says, in English."""
        return self._told(self._en)

    def _told(self, text: str) -> str:
        return text if self.count is None else text.replace("{count}", str(self.count))

    def __str__(self) -> str:
        return self.zh


@attrs.frozen(kw_only=True)
class Source:
    """Where a table comes from, for the places of faults."""

    table: TableName
    """Table of the dataset."""
    file: str | None = None
    """Path of the file, if it is one."""
    text: bool = False
    """Whether cells are text by nature, as in CSV, so that text is read as numbers."""

    def place(self, *, row: int | None = None, column: str | None = None, key: str | None = None) -> Place:
        """Return the place of a row or column of this table."""
        return Place(table=self.table, file=self.file, row=row, column=column, key=key)


@attrs.frozen(kw_only=True)
class SourceColumn:
    """A column of the data that stands for a variable, with its unit."""

    variable: Variable
    """What it stands for."""
    header: str
    """How it is headed in the data."""
    unit: Unit = DIMENSIONLESS
    """Unit of its bare numbers."""

    @functools.cached_property
    def quanta(self) -> Fraction:
        """How many quanta one `unit` is."""
        same = self.unit == self.variable.unit
        return self.variable.quanta_per_unit if same else self.variable.quanta_in(self.unit)

    @functools.cached_property
    def places(self) -> int:
        """How many decimal places an amount in `unit` may have."""
        digits = 0
        while 10**digits < self.quanta:
            digits += 1
        return digits


def parse_day(as_of: dt.date | str | None) -> dt.date | None:
    """Return the date of an `as_of=` argument.

    Raises:
        DataError: If it is a text and no date.
    """
    if isinstance(as_of, dt.datetime):
        return as_of.date()
    if as_of is None or isinstance(as_of, dt.date):
        return as_of
    try:
        return dt.date.fromisoformat(as_of)
    except (TypeError, ValueError):
        raise DataError(f"expected a date such as '2025-12-31' in as_of=, got {as_of!r}") from None


def parse_units(units: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Return a `units=` argument as it is.

    Raises:
        DataError: If it does not give units, as text, to columns.
    """
    mend = "write it as units={'households': '百户'}"
    if units is None:
        return None
    if not isinstance(units, Mapping):
        raise DataError(f"expected columns with their units in units=, got {units!r}", mend=mend)
    for name, unit in units.items():
        if not (isinstance(name, str) and isinstance(unit, str)):
            raise DataError(f"expected columns and units as text in units=, got {name!r}: {unit!r}", mend=mend)
    return units


def resolve_columns(
    source: Source,
    headers: Sequence[str],
    variables: Variables,
    needed: Mapping[str, Iterable[str]],
    *,
    optional: Iterable[str] = (),
    units: Mapping[str, str] | None = None,
    faults: list[CommunityPlanError],
) -> dict[str, SourceColumn]:
    """Find the column of every variable, with its unit; append a fault for each that cannot be used.

    Args:
        source: The table.
        headers: Its headers.
        variables: The variables of the plan.
        needed: Variable ids that must be there, with the targets that need them.
        optional: Variable ids that are used when they are there.
        units: The user's units by header or variable id.
        faults: Collects what is wrong.
    """
    given = dict(units or {})
    wanted = {**needed, **{name: () for name in optional if name not in needed}}
    found: dict[str, SourceColumn] = {}
    seen: dict[str, str] = {}
    for header in headers:
        match = variables.match(source.table, header)
        if match is None:
            continue
        name, unit = match
        if name in seen:
            if name in wanted:
                faults.append(
                    AmbiguousColumnError(
                        f"columns {seen[name]!r} and {header!r} both stand for {name!r}",
                        place=source.place(),
                        mend="drop or rename one of them",
                    )
                )
            continue
        seen[name] = header
        if name not in wanted:
            given.pop(header, given.pop(name, None))
            continue
        variable = variables.of_table(source.table)[name]
        text = given.pop(header, None) or given.pop(name, None)
        column = _with_unit(source, variable, header, text, unit, faults)
        if column is not None:
            found[name] = column
    known = [*headers, *seen]
    faults.extend(_no_column(source, name, known) for name in given)
    for name, users in needed.items():
        if name not in seen:
            faults.append(_missing_column(source, variables.of_table(source.table)[name], headers, tuple(users)))
    return found


def _with_unit(
    source: Source,
    variable: Variable,
    header: str,
    given: str | None,
    in_header: str | None,
    faults: list[CommunityPlanError],
) -> SourceColumn | None:
    if variable.type != "quantity":
        return SourceColumn(variable=variable, header=header)
    place = source.place(column=header)
    mend = f"give {variable.id!r} in {variable.unit} or a unit that converts to it, or drop the unit"
    try:
        headed = None if in_header is None else parse_unit(in_header)
        unit = parse_unit(given) if given is not None else headed or variable.unit
    except UnknownUnitError as error:
        error.mend = mend
        faults.append(error.at(place))
        return None
    if not unit.same_dimension(variable.unit):
        faults.append(DimensionError(str(variable.unit), str(unit), place=place, mend=mend))
        return None
    if given is not None and headed is not None and headed != unit:
        faults.append(
            AmbiguousColumnError(
                f"the header says {headed}, the call says {unit}", place=place, mend="let one of them go"
            )
        )
        return None
    return SourceColumn(variable=variable, header=header, unit=unit)


def _no_column(source: Source, name: str, known: Sequence[str]) -> DataError:
    hint = did_you_mean(nearest(name, known))
    return MissingColumnError(f"a unit is given for {name!r}, but no such column is used{hint}", place=source.place())


def _missing_column(
    source: Source, variable: Variable, headers: Sequence[str], users: tuple[str, ...]
) -> MissingColumnError:
    hint = did_you_mean(nearest(variable.id, headers) or nearest(variable.label.zh, headers))
    why = f", needed by {', '.join(users[:3])}{' …' if len(users) > 3 else ''}" if users else ""
    words = " or ".join(repr(word) for word in (variable.id, variable.label.zh))
    return MissingColumnError(
        f"expected a column headed {words}{why}, got none{hint}",
        place=source.place(),
        mend="add the column (empty cells count as not reported), or name the targets you want",
    )


def read_amount(cell: object, column: SourceColumn, *, text: bool) -> tuple[int | None, bool]:
    """Return a cell as whole quanta (None: missing) and whether the unit made it be rounded.

    Raises:
        QuantityTextError: If the cell is no amount, or has more decimal places than its unit's quantum holds.
        DimensionError: If the cell brings a unit of another dimension.
    """
    value, unit = _number(cell, column, text=text)
    if value is None:
        return None, False
    if value < 0:
        raise QuantityTextError(f"expected 0 or more, got {cell}")
    within = column if unit == column.unit else attrs.evolve(column, unit=unit)
    if (value * 10**within.places).denominator != 1:
        raise QuantityTextError(too_fine(within, value))
    amount = value * within.quanta
    whole = round(amount)  # Fraction rounds half to even
    if whole > MAX_QUANTA:
        raise QuantityTextError(f"expected at most 2^50 × {column.variable.quantum}, got {cell}")
    return whole, amount != whole


def too_fine(column: SourceColumn, value: object) -> str:
    """Say that an amount has more decimal places than its variable keeps."""
    shown = float(value) if isinstance(value, Fraction) else value
    limit = "a whole number" if column.places == 0 else f"at most {column.places} decimal places"
    return f"expected {limit} (the quantum is {column.variable.quantum}), got {shown}"


def _number(cell: object, column: SourceColumn, *, text: bool) -> tuple[Fraction | None, Unit]:
    unit = column.unit
    if cell is None:
        return None, unit
    if isinstance(cell, str):
        if not text:
            raise QuantityTextError(f"expected a number, got text {cell!r}")
        if normalise_word(cell) in MISSING_WORDS:
            return None, unit
        try:
            return parse_number(cell), unit
        except QuantityTextError:
            cell = quantity(cell)
    if isinstance(cell, Quantity):
        # In its own unit, so that one that does not come out even is rounded like a whole column of it.
        return cell.magnitude, unit if cell.unit == DIMENSIONLESS else cell.unit
    if isinstance(cell, bool) or not isinstance(cell, Integral | float | Decimal | Fraction):
        raise QuantityTextError(f"expected a number, got {cell!r}")
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return None, unit
        scaled = cell * 10**column.places
        whole = round(scaled)  # to even, as every engine does
        if abs(scaled - whole) <= max(abs(scaled) * FLOAT_DUST, LEAST_DUST):
            return Fraction(whole, 10**column.places), unit
        return Fraction(float.__repr__(cell)), unit
    if isinstance(cell, Decimal) and not cell.is_finite():
        return None, unit
    return Fraction(int(cell) if isinstance(cell, Integral) else cell), unit


def bad_cells(
    source: Source,
    header: str | None,
    problem: str,
    rows: Sequence[int | None],
    *,
    count: int | None = None,
    mend: str | None = None,
) -> CellError:
    """Return one fault for all the rows in which the same thing is wrong.

    Args:
        source: The table.
        header: The column, unless it is a matter of whole rows.
        problem: What is wrong in the first of the rows.
        rows: The first rows, from 1.
        count: How many rows there are, if `rows` is only the beginning.
        mend: What can be done.
    """
    total = count if count is not None else len(rows)
    if total > 1:
        numbers = [str(row) for row in rows[:5] if row is not None]  # an engine may have no order
        shown = f": {', '.join(numbers)}{' …' if total > 5 else ''}" if numbers else ""
        problem = f"{problem} (and so in {total} rows{shown})"
    return CellError(problem, place=source.place(row=rows[0], column=header), mend=mend, count=total)


def larger_than_whole(
    source: Source,
    part: SourceColumn,
    whole: SourceColumn,
    got: object,
    rows: Sequence[int],
    *,
    count: int | None = None,
) -> CellError:
    """Return the fault of a part that exceeds its whole."""
    problem = f"expected at most its whole, column {whole.header!r}, got {got}"
    mend = "correct one of the two, or leave it empty if it is not known"
    return bad_cells(source, part.header, problem, rows, count=count, mend=mend)


def duplicate_code(
    source: Source, header: str, code: str, *, row: int | None, earlier: int | None, count: int
) -> DuplicateCodeError:
    """Return the fault of a code that stands on more than one row."""
    more = f" ({count} such rows)" if count > 1 else ""
    where = "more than one row" if earlier is None else f"row {earlier} already"
    return DuplicateCodeError(
        f"code {code!r} stands on {where}{more}",
        place=source.place(row=row, column=header),
        mend="keep one row for each community; where each year has its rows, group by the column of the year, too",
    )
