"""Columns: the engine that is always there — plain Python lists of whole numbers.

Typed objects and files go through it, and every other engine is held against it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from community_plan.entry import (
    CELL_MENDS,
    INT64_MAX,
    MISSING_WORDS,
    OVERFLOW_MEND,
    TOTALS,
    TOTALS_MEND,
    TOTALS_PROBLEM,
    Note,
    Source,
    SourceColumn,
    bad_cells,
    duplicate_code,
    larger_than_whole,
    read_amount,
)
from community_plan.errors import CodeError, CommunityPlanError, DimensionError, QuantityTextError, SumOverflowError
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
)
from community_plan.grouping import Listed
from community_plan.programs import REMAINDER
from community_plan.regions import (
    LEVELS,
    CountyKind,
    Level,
    code_text,
    county_kind_of,
    normal_code,
    parse_code,
    parse_township_code,
    region_at,
    region_number,
    setting_of,
    township_kind_of,
)
from community_plan.units import Quantity
from community_plan.variables import Variable, normalise_word

__all__ = ["ColumnTable", "category_of_code", "enter", "read_cells", "rounded_note"]

_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "=": operator.eq,
}


@attrs.frozen(kw_only=True)
class ColumnTable(Listed):
    """A table of whole numbers as Python lists, ready to be summed.

    Missing amounts are None here and become 0 with a flag when an expression reads them.
    """

    rows: int
    """Number of rows."""
    amounts: Mapping[str, Sequence[int | None]]
    """Variable id to quanta, or to the number of a category value."""
    labels: Mapping[str, Sequence[str | None]]
    """Key columns as text."""
    notes: tuple[Note, ...] = ()
    """What happened on entry."""

    @property
    def nullable(self) -> frozenset[str]:
        """Variables with missing cells."""
        return frozenset(name for name, cells in self.amounts.items() if any(cell is None for cell in cells))

    @property
    def amount_names(self) -> tuple[str, ...]:
        """Variables that the table holds as numbers."""
        return tuple(self.amounts)

    def label_cells(self, name: str) -> list[str | None]:
        """Return a key column."""
        return list(self.labels[name])

    def fill_from_code(self, variable: Variable, declared: Mapping[str, CountyKind]) -> ColumnTable:
        """Fill a category that follows from the code where no cell says otherwise."""
        cells = self.amounts.get(variable.id, [None] * self.rows)
        pairs = zip(cells, self.labels["code"], strict=True)
        filled = [category_of_code(variable, code, declared) if cell is None else cell for cell, code in pairs]
        return attrs.evolve(self, amounts={**self.amounts, variable.id: filled})

    def amount_cells(self, name: str) -> list[int | None]:
        """Return a column of numbers, None where a cell is missing."""
        return list(self.amounts[name])

    def with_amounts(self, amounts: Mapping[str, Sequence[int | None]]) -> ColumnTable:
        """Add columns of numbers."""
        return attrs.evolve(self, amounts={**self.amounts, **amounts})

    def with_level(self, level: Level) -> ColumnTable:
        """Add the key column of a level: as given where it is, else cut from the code."""
        given = self.labels.get(level, [None] * self.rows)
        pairs = zip(given, self.labels["code"], strict=True)
        cells = [region_at(code, level) if cell is None and code is not None else cell for cell, code in pairs]
        return attrs.evolve(self, labels={**self.labels, level: cells})

    def with_remainder(
        self, amounts: Mapping[str, Sequence[int | None]], labels: Mapping[str, Sequence[str | None]]
    ) -> ColumnTable:
        """Append rows that are no community, marked by a column `remainder`."""
        added = len(next(iter(amounts.values()), ()))
        return attrs.evolve(
            self,
            rows=self.rows + added,
            amounts={
                **{name: [*cells, *amounts[name]] for name, cells in self.amounts.items()},
                REMAINDER: [0] * self.rows + [1] * added,
            },
            labels={name: [*cells, *labels.get(name, [None] * added)] for name, cells in self.labels.items()},
        )

    def sums(
        self, keys: Sequence[str], features: Sequence[Int]
    ) -> list[tuple[tuple[str | None, ...], tuple[int, ...]]]:
        """Return, for each combination of key labels, the sum of every feature.

        Args:
            keys: Names of key columns; without any, the whole table is one group.
            features: Expressions over the table's columns.

        Raises:
            SumOverflowError: If a sum passes 2^63, so that all engines answer alike.
        """
        evaluate = _Evaluator(self)
        values = [evaluate.number(feature) for feature in features]
        groups: dict[tuple[str | None, ...], list[int]] = {} if keys else {(): list(range(self.rows))}
        for row, key in enumerate(zip(*(self.labels[name] for name in keys), strict=True)):
            groups.setdefault(key, []).append(row)
        result = [(key, tuple(sum(map(column.__getitem__, rows)) for column in values)) for key, rows in groups.items()]
        for _, totals in result:
            if any(total > INT64_MAX for total in totals):
                raise SumOverflowError(f"a sum over {self.rows} rows passes 2^63 quanta", mend=OVERFLOW_MEND)
        return result


def category_of_code(variable: Variable, code: str | None, declared: Mapping[str, CountyKind]) -> int | None:
    """Return the number of the setting, kind or region that a code says, or None."""
    if code is None:
        return None
    if variable.id in LEVELS:
        return region_number(code, variable.id)
    value: str | None
    match variable.id:
        case "setting":
            value = setting_of(code)
        case "township_kind":
            value = township_kind_of(code)
        case _:
            value = declared.get(code[:6], county_kind_of(code))
    return None if value is None else variable.number_of(value)


class _Evaluator:
    """Evaluates expressions over whole columns, each distinct expression once."""

    def __init__(self, table: ColumnTable) -> None:
        self._table = table
        self._numbers: dict[Int, list[int]] = {}
        self._truths: dict[Bool, list[bool]] = {}

    def number(self, node: Int) -> list[int]:
        if node not in self._numbers:
            self._numbers[node] = self._number(node)
        return self._numbers[node]

    def truth(self, node: Bool) -> list[bool]:
        if node not in self._truths:
            self._truths[node] = self._truth(node)
        return self._truths[node]

    def _number(self, node: Int) -> list[int]:
        match node:
            case Lit():
                return [node.value] * self._table.rows
            case Col():
                return [cell or 0 for cell in self._table.amounts[node.name]]
            case Add():
                return [sum(cells) for cells in zip(*(self.number(term) for term in node.terms), strict=True)]
            case Scale():
                return [node.factor * cell for cell in self.number(node.term)]
            case When():
                pairs = zip(self.truth(node.condition), self.number(node.term), strict=True)
                return [cell if holds else 0 for holds, cell in pairs]

    def _truth(self, node: Bool) -> list[bool]:
        match node:
            case Const():
                return [node.value] * self._table.rows
            case Known():
                return [cell is not None for cell in self._table.amounts[node.name]]
            case In():
                return [cell in node.values for cell in self._table.amounts[node.name]]
            case Cmp():
                test = _OPERATORS[node.op]
                return list(map(test, self.number(node.left), self.number(node.right)))
            case And():
                return [all(cells) for cells in zip(*(self.truth(part) for part in node.parts), strict=True)]
            case Or():
                return [any(cells) for cells in zip(*(self.truth(part) for part in node.parts), strict=True)]
            case Not():
                return [not cell for cell in self.truth(node.part)]


def read_cells(
    source: Source, column: SourceColumn, cells: Sequence[Any], faults: list[CommunityPlanError], notes: list[Note]
) -> list[Any]:
    """Read a column of Python cells: quanta, category numbers, codes or text; None where a cell is missing.

    Every kind of fault in the column is appended once, with its rows.
    """
    reader = _READERS[column.variable.type]
    memo: dict[Any, Any] = {}
    bad: dict[str, list[tuple[int, CommunityPlanError]]] = {}
    rounded = 0
    values: list[Any] = []
    for row, cell in enumerate(cells, start=1):
        # Cells repeat a great deal, so each distinct one is read once; True and 1 are two keys, 1 公顷 and 15 亩, too.
        key = (type(cell), (cell.magnitude, cell.unit) if isinstance(cell, Quantity) else cell)
        try:
            result = memo[key] if key in memo else memo.setdefault(key, reader(cell, column, source))
        except (QuantityTextError, DimensionError, CodeError) as error:
            bad.setdefault(error.problem.partition(", got ")[0], []).append((row, error))
            values.append(None)
            continue
        value, was_rounded = result
        rounded += was_rounded
        values.append(value)
    for errors in bad.values():
        rows = [row for row, _ in errors]
        first = errors[0][1]
        # What a text alone should be like, such as one with any unit, is of no use in a column that has its own.
        mend = CELL_MENDS.get(column.variable.type, first.mend)
        faults.append(bad_cells(source, column.header, first.problem, rows, mend=mend))
    if rounded:
        notes.append(rounded_note(column, rounded))
    return values


def rounded_note(column: SourceColumn, count: int) -> Note:
    """Say that a unit does not come out even in quanta."""
    return Note(
        code="rounded",
        zh=f"列“{column.header}”以{column.unit}计, {{count}} 个值换算后四舍六入五成双到 {column.variable.quantum}",
        en=f"column {column.header!r} is in {column.unit}: {{count}} value(s) rounded half to even "
        f"to {column.variable.quantum} on entry",
        count=count,
    )


def _read_quantity(cell: Any, column: SourceColumn, source: Source) -> tuple[int | None, bool]:
    return read_amount(cell, column, text=source.text)


def _read_category(cell: Any, column: SourceColumn, _: Source) -> tuple[int | None, bool]:
    if cell is None or cell != cell or (isinstance(cell, str) and normalise_word(cell) in MISSING_WORDS):
        return None, False
    word = normalise_word(str(cell)) if isinstance(cell, str | bool | int) else ""
    number = column.variable.spellings.get(word)
    if number is None:
        known = ", ".join(f"{value.id} ({value.label.zh})" for value in column.variable.values)
        raise QuantityTextError(f"expected one of {known}, got {cell!r}")
    return number, False


def _read_code(cell: Any, _: SourceColumn, __: Source) -> tuple[str, bool]:
    return parse_code(code_text(cell)), False


def _read_township_code(cell: Any, _: SourceColumn, __: Source) -> tuple[str, bool]:
    return parse_township_code(code_text(cell)), False


def _read_region_code(cell: Any, _: SourceColumn, __: Source) -> tuple[str, bool]:
    return normal_code(code_text(cell)), False


def _read_text(cell: Any, _: SourceColumn, source: Source) -> tuple[str | None, bool]:
    return _as_label(cell, source), False


def _as_label(cell: Any, source: Source) -> str | None:
    """Return a cell as a label without the spaces around it; None where it is missing."""
    label = "" if cell is None or cell != cell else str(cell).strip()
    missing = normalise_word(label) in MISSING_WORDS if source.text else not label
    return None if missing else label


_READERS: dict[str, Callable[[Any, SourceColumn, Source], tuple[Any, bool]]] = {
    "quantity": _read_quantity,
    "category": _read_category,
    "code": _read_code,
    "region_code": _read_region_code,
    "township_code": _read_township_code,
    "text": _read_text,
}


def enter(
    source: Source,
    cells: Mapping[str, Sequence[Any]],
    rows: int,
    columns: Mapping[str, SourceColumn],
    *,
    labels: Mapping[str, str],
    unique: Sequence[str],
    faults: list[CommunityPlanError],
) -> ColumnTable:
    """Turn a table of Python cells into whole numbers; append a fault for everything that is wrong.

    Args:
        source: What table it is.
        cells: Header to cells.
        rows: Number of rows.
        columns: The columns to take, by variable id.
        labels: Key name to header, for columns that are grouped by and are no variable.
        unique: Headers that together name a row, the code first.
        faults: Collects what is wrong.
    """
    notes: list[Note] = []
    read = {name: read_cells(source, column, cells[column.header], faults, notes) for name, column in columns.items()}
    numbers = ("quantity", "category")
    amounts = {name: read[name] for name, column in columns.items() if column.variable.type in numbers}
    texts = {name: read[name] for name, column in columns.items() if column.variable.type not in numbers}
    texts |= {name: [_as_label(cell, source) for cell in cells[header]] for name, header in labels.items()}
    if "code" not in columns:
        _find_totals(source, {columns[name].header: found for name, found in texts.items() if name in columns}, faults)
    if unique:
        others = [[_as_label(cell, source) for cell in cells[header]] for header in unique[1:]]
        _find_duplicates(source, unique, [texts["code"], *others], faults)
    for name, part in amounts.items():
        whole = columns[name].variable.part_of
        if whole is None or whole not in amounts:
            continue
        pairs = enumerate(zip(part, amounts[whole], strict=True), start=1)
        wrong = [row for row, (some, every) in pairs if some is not None and every is not None and some > every]
        if wrong:
            got = cells[columns[name].header][wrong[0] - 1]
            faults.append(larger_than_whole(source, columns[name], columns[whole], got, wrong))
    return ColumnTable(rows=rows, amounts=amounts, labels=texts, notes=tuple(notes))


def _find_totals(source: Source, names: Mapping[str, Sequence[Any]], faults: list[CommunityPlanError]) -> None:
    """Find rows that add up others, where no code shows that a row is one place."""
    for header, found in names.items():
        rows = [row for row, name in enumerate(found, start=1) if name in TOTALS]
        if rows:
            problem = TOTALS_PROBLEM.format(got=found[rows[0] - 1])
            faults.append(bad_cells(source, header, problem, rows, mend=TOTALS_MEND))


def _find_duplicates(
    source: Source, unique: Sequence[str], keys: Sequence[Sequence[Any]], faults: list[CommunityPlanError]
) -> None:
    first: dict[tuple[Any, ...], int] = {}
    again: list[tuple[int, int, str]] = []
    for row, key in enumerate(zip(*keys, strict=True), start=1):
        if key[0] is not None and first.setdefault(key, row) != row:
            again.append((row, first[key], key[0]))
    if again:
        row, earlier, code = again[0]
        faults.append(duplicate_code(source, unique[0], code, row=row, earlier=earlier, count=len(again)))
