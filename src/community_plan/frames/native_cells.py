"""Native cells: the columns of an engine as expressions of whole numbers, with what must not be so in any row."""

from __future__ import annotations

import datetime as dt
import functools
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import attrs

from community_plan.columns import read_cells
from community_plan.entry import (
    CELL_MENDS,
    FLOAT32_DUST,
    FLOAT_DUST,
    LEAST_DUST,
    MAX_QUANTA,
    MISSING_WORDS,
    Note,
    Source,
    SourceColumn,
    read_amount,
    too_fine,
)
from community_plan.errors import ColumnTypeError, CommunityPlanError, DimensionError, QuantityTextError
from community_plan.frames.engine import Engine, Holes, Kind, Lister, Within
from community_plan.frames.keys import CODE, Key
from community_plan.variables import Variable, normalise_word

__all__ = ["CODE_WIDTHS", "CellReader", "Check", "Entered"]

CODE_WIDTHS = {"code": 12, "township_code": 9}
_PATTERNS = {
    "township_code": r"[1-9][0-9]{5}(?:[1-9][0-9]{2}|0[1-9][0-9]|00[1-9])(?:000)?",
    "region_code": r"[1-9][0-9]{3}(?:00|[0-9]{2}(?:[0-9]{3}(?:[0-9]{3})?)?)?",
}
_CODE_PROBLEMS = {
    "code": "expected a 12-digit community code, got {got!r}",
    "township_code": "expected a township code of 9 digits, got {got!r}",
    "region_code": "expected a statistical code of 4, 6, 9 or 12 digits, got {got!r}",
}
_CODE_MEND = "store codes as text, for spreadsheets round long numbers, and leave out rows of totals"
_HUGE = ("UInt64", "UInt128", "Int128", "UBIGINT", "HUGEINT", "UHUGEINT")
"""Integers that may not fit 64 bits: as keys they are texts."""
_DATES = ("Date", "DATE", "date")
_MOST_WHOLE = 2.0**51
"""The largest double that `Engine.nearest` reads."""


def _label_of(cell: Any) -> str | None:
    """Return a Python object as the label that it has in a column of its type.

    Raises:
        ValueError: If it can be written in more than one way.
    """
    value: Any = cell.item() if hasattr(cell, "item") else cell  # numpy's own
    match value:
        case None | str():
            return value
        case int():
            return str(value)
        case float() | Decimal():
            if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
                return None
            if not -_MOST_WHOLE <= value <= _MOST_WHOLE or value != int(value):
                raise ValueError("fractions")
            return str(int(value))
        case dt.date() if not isinstance(value, dt.datetime):
            return value.isoformat()
        case _:
            raise ValueError(type(value).__name__)


@attrs.frozen
class Check:
    """Something that must not be so in any row."""

    column: SourceColumn
    problem: str
    """What is wrong; `{got}` stands for the cell of the first row."""
    mend: str | None
    mask: Any


@attrs.frozen
class Entered:
    """One variable on its way in."""

    column: SourceColumn
    number: Any
    """Quanta, or the number of a category's value; 0 where the cell is missing."""
    known: Any | None
    """Whether the cell is there; None if it is in every row."""
    checks: tuple[Check, ...] = ()
    suspects: tuple[Any, ...] = ()
    """Conditions and `Within`s that together cover every check and cost less."""
    rounded: Any | None = None
    members: Callable[[Sequence[int]], Any] | None = None
    """For a category: whether the cell is one of some values, false where it is missing."""


def _of_one_style(variable: Variable, seen: Sequence[str]) -> list[str]:
    """Return the words seen in some rows, and those that the others will use if they write alike."""
    styles = (
        [c.id for c in variable.values],
        [c.label.zh for c in variable.values],
        [c.label.en for c in variable.values],
    )
    mine = next((style for style in styles if set(seen) & set(style)), ())
    return list(dict.fromkeys([*seen, *mine]))


@attrs.define
class CellReader:
    """Writes what makes whole numbers of the columns of a relation."""

    engine: Engine
    relation: Any
    """The user's data; with more columns, if some were read one by one."""
    source: Source
    careful: bool
    """Whether to count before believing."""
    faults: list[CommunityPlanError]
    """Collects what is wrong."""
    kinds: Mapping[str, Kind]
    """Headers with what their cells are."""
    holes: Mapping[str, Holes]
    """Headers with what they hold beside values."""
    limit: int
    """Quanta that no cell exceeds, or it is looked at with care."""
    ready: dict[str, Any] = attrs.field(factory=dict)
    """Columns that are worked out first, because several expressions read them."""
    taken: list[str] = attrs.field(factory=list)
    """Columns that were read one by one."""
    notes: list[Note] = attrs.field(factory=list)
    """What is to be said of them."""
    doubts: list[Any] = attrs.field(factory=list)
    """What must not be so in any row of the columns that tell regions apart."""

    def prepared(self, name: str, cell: Any) -> Any:
        """Have a column worked out first."""
        self.ready[name] = cell
        return self.engine.column(name)

    def key(self, header: str) -> Key:
        """Return a column that tells regions apart, its cells written alike by every engine."""
        engine, kind, cell = self.engine, self.kinds[header], self.engine.column(header)
        if "__" in header:  # as the names of what is worked out, which may take the place of the user's column
            cell = self.prepared(f"key{len(self.ready)}__own", cell)
        full = not self.holes[header]
        match kind.name:
            case "integer" if kind.shown not in _HUGE:
                return Key(engine.to_whole(cell), number=True, full=full)
            case "float" | "float32":
                return self.whole_key(header, cell, full=full)
            case "boolean":
                word = engine.choose(cell, engine.text("True"), engine.text("False"))
                return Key(
                    engine.choose(engine.is_null(cell), engine.to_text(cell), word)
                )  # what is missing is neither
            case "objects":
                return self.object_key(header)
            case "decimal" if kind.scale > 0:
                self.refuse_key(header, kind.shown)
            case "other" if kind.shown not in _DATES and not self.is_empty(header):
                self.refuse_key(header, kind.shown)
        return Key(engine.to_text(cell), full=full)

    def whole_key(self, header: str, cell: Any, *, full: bool) -> Key:
        """Return a key column of doubles, which pandas makes of whole numbers beside a blank, as these numbers."""
        engine = self.engine
        number = engine.to_number(cell)
        there = engine.finite(number)
        safe = engine.choose(there, number, engine.real(0.0))
        near, whole = engine.nearest(safe)
        broken = (near != safe) | (engine.absolute(safe) > _MOST_WHOLE)
        self.doubts.append(broken)
        if self.careful and (count := engine.one_row(self.relation, {"broken": broken})["broken"]):
            self.refuse_key(header, f"fractions in {count} of its cells")
        return Key(engine.choose(there, whole, engine.no_whole()), number=True, full=full)

    def object_key(self, header: str) -> Key:
        """Return a key column of Python objects, each written as a column of its type would be."""
        engine, name = cast(Lister, self.engine), f"key{len(self.taken)}__read"
        labels: list[str | None] = []
        refused: list[str] = []
        for cell in engine.listed(self.relation, header):
            try:
                labels.append(_label_of(cell))
            except ValueError as error:
                refused.append(str(error))
        if refused:
            self.refuse_key(header, f"{refused[0]} in {refused.count(refused[0])} of its cells")
            return Key(engine.column(header))
        self.relation = engine.beside(self.relation, {name: labels}, texts=[name])
        self.taken.append(name)
        return Key(engine.column(name))

    def refuse_key(self, header: str, got: str) -> None:
        """Note that a column cannot tell regions apart, because its cells can be written in more than one way."""
        self.faults.append(
            ColumnTypeError(
                f"expected texts, whole numbers, truth values or dates to tell rows apart, got {got}",
                place=self.source.place(column=header),
                mend=f"write {header!r} as text, or as a whole number such as a year",
            )
        )

    def is_empty(self, header: str) -> bool:
        """Say whether a column holds nothing but nulls, whatever type an engine gives to that."""
        if self.kinds[header].name == "nothing":
            return True
        self.engine.looks = None  # another table of the kind has to be counted again
        told = self.engine.is_null(self.engine.column(header))
        return self.engine.one_row(self.relation, {"told": ~told})["told"] == 0

    def nothing(self, column: SourceColumn) -> Entered:
        """Return a variable that no row has."""
        engine = self.engine
        return Entered(column, engine.whole(0), engine.truth(False), members=lambda _: engine.truth(False))

    def quantity(self, column: SourceColumn) -> Entered | None:
        """Return whole quanta of a column of numbers, whatever its type; None if it has the wrong one."""
        engine, kind = self.engine, self.kinds[column.header]
        cell = engine.column(column.header)
        match kind.name:
            case "integer":
                return self.integer(column, cell if kind.long else engine.to_whole(cell), column.quanta)
            case "decimal":
                return self.decimal(column, cell, kind)
            case "float" | "float32":
                return self.float(column, cell, kind)
            case "objects":
                return self.listed(column)
            case "text" if self.source.text:
                return self.written(column, cell)
            case _ if self.is_empty(column.header):
                return self.nothing(column)
            case _:
                self.faults.append(
                    ColumnTypeError(
                        f"expected numbers, got {kind.shown}",
                        place=self.source.place(column=column.header),
                        mend=f"cast {column.header!r} to a number; texts of digits are not taken for numbers",
                    )
                )
                return None

    def integer(self, column: SourceColumn, cell: Any, quanta: Fraction) -> Entered:
        """Return whole numbers, each worth so many quanta."""
        engine, name = self.engine, column.variable.id
        holes = self.holes[column.header]
        limit = math.floor(MAX_QUANTA / quanta)
        negative, large = cell < 0, cell > limit
        whole = engine.fill(cell, 0) if holes else cell
        safe = engine.choose(negative | large, engine.whole(0), whole) if self.careful else whole
        if safe is not cell:
            safe = self.prepared(f"{name}__whole", safe)
        number, rounded = self.convert(safe, quanta)
        return Entered(
            column,
            number,
            ~engine.is_null(engine.column(column.header)) if holes else None,
            self.range_checks(column, negative, large),
            suspects=(Within(safe, math.floor(self.limit / quanta)),),
            rounded=rounded,
        )

    def decimal(self, column: SourceColumn, cell: Any, kind: Kind) -> Entered:
        """Return exact decimals as quanta."""
        whole, fine = self.engine.digits(cell, kind, column.places)
        item = self.integer(column, whole, column.quanta / 10**column.places)
        check = self.too_fine(column, fine & ~(cell < 0))
        return attrs.evolve(item, checks=(*item.checks, check), suspects=(*item.suspects, fine))

    def listed(self, column: SourceColumn) -> Entered:
        """Read Python objects one by one, as those of a list."""
        engine = cast(Lister, self.engine)  # no other has such columns
        name = f"{column.variable.id}__read"
        cells = read_cells(self.source, column, engine.listed(self.relation, column.header), self.faults, self.notes)
        self.relation = engine.beside(self.relation, {name: cells})
        self.taken.append(name)
        number = engine.column(name)
        if None not in cells:
            return Entered(column, number, None)
        return Entered(column, engine.fill(number, 0), ~engine.is_null(number))

    def written(self, column: SourceColumn, cell: Any) -> Entered:
        """Read the numbers of a text file: plain digits here, the few other spellings one by one."""
        engine, name, places = self.engine, column.variable.id, column.places
        pattern = rf"[0-9]{{1,{15 - places}}}" + (rf"(?:\.[0-9]{{1,{places}}}0*)?" if places else r"(?:\.0+)?")
        plain = engine.fill(engine.matches(cell, pattern), False)
        read: dict[int, list[str]] = {}
        missing = [""]
        faulty: dict[str, list[tuple[str, CommunityPlanError]]] = {}
        rounded: list[str] = []
        others = engine.where(self.relation, ~plain)
        for word in engine.words(others, column.header, every=self.careful):
            if re.fullmatch(pattern, word):
                continue  # the words of the first rows may be those of all of them
            try:
                quanta, uneven = read_amount(word, column, text=True)
            except (QuantityTextError, DimensionError) as error:
                faulty.setdefault(error.problem.partition(", got ")[0], []).append((word, error))
                continue
            if quanta is None:
                missing.append(word)
            else:
                read.setdefault(quanta, []).append(word)
                rounded += [word] * uneven
        factor = column.quanta / 10**places
        scaled = engine.to_number(engine.choose(plain, cell, engine.text("0"))) * float(10**places)
        _, whole = engine.nearest(scaled)
        limit = math.floor(MAX_QUANTA / factor)
        large = whole > limit
        value, inexact = self.convert(engine.choose(large, engine.whole(0), whole), factor)
        known = plain
        for quanta, words in read.items():
            value = engine.choose(engine.among(cell, words), engine.whole(quanta), value)
        odd = [word for words in read.values() for word in words]
        if odd:
            known = known | engine.fill(engine.among(cell, odd), False)
        told = known | engine.fill(engine.among(cell, missing), True)
        checks = [self.range_checks(column, large, large)[1]]
        for errors in faulty.values():
            words = [word for word, _ in errors]
            problem = errors[0][1].problem.replace("{", "{{").replace("}", "}}")
            checks.append(Check(column, problem, CELL_MENDS["quantity"], engine.fill(engine.among(cell, words), False)))
        if rounded:
            spelt = engine.fill(engine.among(cell, rounded), False)
            inexact = spelt if inexact is None else spelt | inexact
        number = self.prepared(f"{name}__number", value)
        return Entered(
            column,
            number,
            self.prepared(f"{name}__known", known),
            tuple(checks),
            suspects=(~told, Within(number, self.limit)),
            rounded=inexact,
        )

    def float(self, column: SourceColumn, cell: Any, kind: Kind) -> Entered:
        """Return floats as quanta: each the decimal that it is nearest to, if it has no more places than the column."""
        engine, name, holes = self.engine, column.variable.id, self.holes[column.header]
        number = cell if kind.name == "float" else engine.to_number(cell)
        known = None
        if holes == "null":
            known = ~engine.is_null(cell)
        elif holes:
            known = self.prepared(f"{name}__known", engine.finite(number))
            number = engine.choose(engine.finite(number), number, engine.real(0.0))
        scaled = number * float(10**column.places) if column.places else number
        factor = column.quanta / 10**column.places
        limit = min(MAX_QUANTA, math.floor(MAX_QUANTA / factor))
        dust = FLOAT_DUST if kind.name == "float" else FLOAT32_DUST
        checks: tuple[Check, ...] = ()
        suspects: tuple[Any, ...] = ()
        if self.careful:
            negative, large = scaled < -LEAST_DUST, scaled > float(limit)  # what is next to 0 is 0 from below, too
            safe = engine.choose(negative | large, engine.real(0.0), scaled)
            near, whole = engine.nearest(safe)
            off = engine.absolute(safe - near)
            fine = (off > LEAST_DUST) & (off > safe * dust)
            checks = (*self.range_checks(column, negative, large), self.too_fine(column, fine))
        else:
            # Large numbers may lie less near; those of double precision are then looked at with care.
            near, whole = engine.nearest(scaled)
            off = engine.absolute(scaled - near)
            close = off <= LEAST_DUST if kind.name == "float" else (off <= LEAST_DUST) | (off <= scaled * dust)
            suspects = (~self.prepared(f"{name}__near", close),)
        amount = self.prepared(f"{name}__whole", engine.fill(whole, 0) if holes == "null" else whole)
        if not self.careful:
            suspects = (*suspects, Within(amount, math.floor(self.limit / factor)))
        value, rounded = self.convert(amount, factor)
        return Entered(column, value, known, checks, suspects=suspects, rounded=rounded)

    @staticmethod
    def too_fine(column: SourceColumn, mask: Any) -> Check:
        """Return the check that no cell has more decimals than its column takes."""
        return Check(column, too_fine(column, "{got}"), f"round it yourself: round({column.places})", mask)

    @staticmethod
    def range_checks(column: SourceColumn, negative: Any, large: Any) -> tuple[Check, ...]:
        """Return the checks that a cell is 0 or more, and that it fits."""
        limit = f"expected at most 2^50 × {column.variable.quantum}, got {{got}}"
        mend = CELL_MENDS["quantity"]
        return Check(column, "expected 0 or more, got {got}", mend, negative), Check(column, limit, mend, large)

    def convert(self, whole: Any, factor: Fraction) -> tuple[Any, Any | None]:
        """Multiply whole numbers ≥ 0 by a fraction, rounding half to even; say where that rounded."""
        engine, above, below = self.engine, factor.numerator, factor.denominator
        product = whole * above if above != 1 else whole
        if below == 1:
            return product, None
        floor = engine.quotient(product, below)
        rest = product - floor * below
        up = (rest * 2 > below) | ((rest * 2 == below) & (engine.remainder(floor, 2) == 1))
        return floor + engine.choose(up, engine.whole(1), engine.whole(0)), rest > 0

    def category(self, column: SourceColumn) -> Entered | None:
        """Return the numbers of a category's values; None if the column holds no words."""
        engine, kind = self.engine, self.kinds[column.header]
        if kind.name == "nothing":
            return self.nothing(column)
        if kind.name in ("float", "float32", "decimal", "other"):
            if self.is_empty(column.header):
                return self.nothing(column)
            self.faults.append(
                ColumnTypeError(
                    f"expected words, got {kind.shown}",
                    place=self.source.place(column=column.header),
                    mend=f"cast {column.header!r} to whole numbers (Int64) if it holds 1 and 0, else to text",
                )
            )
            return None
        cell = engine.column(column.header) if kind.name == "text" else engine.to_text(engine.column(column.header))
        words: dict[int, list[str]] = {}
        missing: list[str] = []
        spelt = [word for c in column.variable.values for word in (c.id, c.label.zh, c.label.en, *c.synonyms)]
        likely = [*spelt, *MISSING_WORDS]
        seen = kind.words or engine.words(self.relation, column.header, every=self.careful, likely=likely)
        for word in seen if self.careful or kind.words else _of_one_style(column.variable, seen):
            number = column.variable.spellings.get(normalise_word(word))
            if number is not None:
                words.setdefault(number, []).append(word)
            elif normalise_word(word) in MISSING_WORDS:
                missing.append(word)
        name, holes = column.variable.id, bool(self.holes[column.header] or missing)

        tests: dict[int, Any] = {}
        for value, spellings in words.items():
            found = engine.among(cell, spellings)
            tests[value] = self.prepared(f"{name}__is_{value}", engine.fill(found, False) if holes else found)

        def members(values: Sequence[int]) -> Any:
            return functools.reduce(operator.or_, (tests[v] for v in values if v in tests), engine.truth(False))

        known = members(tuple(words))
        number = functools.reduce(
            operator.add,
            (engine.choose(test, engine.whole(value), engine.whole(0)) for value, test in tests.items() if value),
            engine.whole(0),
        )
        listed = ", ".join(f"{category.id} ({category.label.zh})" for category in column.variable.values)
        strange = ~(known | engine.fill(engine.among(cell, missing), False) | engine.is_null(cell)) if holes else ~known
        check = Check(column, f"expected one of {listed}, got {{got!r}}", CELL_MENDS["category"], strange)
        return Entered(column, number, known if holes else None, (check,), suspects=(strange,), members=members)

    def code(self, column: SourceColumn) -> tuple[Key, Any, list[Check]] | None:
        """Return a code as a key and as a number, with its checks; None if the column holds no codes."""
        engine, kind = self.engine, self.kinds[column.header]
        cell, type_ = engine.column(column.header), column.variable.type
        if kind.name not in ("text", "integer"):
            if kind.name == "nothing":
                kind, cell = attrs.evolve(kind, name="text"), engine.to_text(cell)
            else:
                self.faults.append(
                    ColumnTypeError(
                        f"expected codes as text, got {kind.shown}",
                        place=self.source.place(column=column.header),
                        mend="read the column as text; floats round 12-digit codes",
                    )
                )
                return None
        problem = _CODE_PROBLEMS[type_]
        if type_ == "code":
            number = self.prepared(CODE, engine.to_whole(cell))
            wrong = engine.is_null(number) | (number < 10**11) | (engine.remainder(number, 1000) == 0)
            wrong = wrong | (engine.length(cell) != 12 if kind.name == "text" else number >= 10**12)
            spelling = engine.other_spelling(cell, number)
            wrong = wrong if spelling is None else wrong | spelling
            key = Key(number, number=True)
        else:
            text = engine.to_text(cell)
            wrong = ~engine.matches(engine.fill(text, ""), _PATTERNS[type_])
            if type_ == "township_code":
                text = engine.part(text, 9)
            number, key = engine.to_whole(text), Key(text)
        return key, number, [Check(column, problem, _CODE_MEND, wrong)]
