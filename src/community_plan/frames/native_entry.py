"""Native entry: cells of an engine turned into whole numbers inside it.

A first look at a few rows says which columns have holes and which words they use. What it says is taken for
granted and counted again in the very query that adds up the sums: if one row is not as it was taken to be,
`Misread` is raised, and the table is entered again with care, counting first.
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, cast

import attrs

from community_plan.columns import read_cells, rounded_note
from community_plan.entry import (
    FLOAT32_DUST,
    FLOAT_DUST,
    INT64_MAX,
    LEAST_DUST,
    MAX_QUANTA,
    MISSING_WORDS,
    Note,
    Source,
    SourceColumn,
    bad_cells,
    duplicate_code,
    read_amount,
    too_fine,
)
from community_plan.errors import (
    CellError,
    ColumnTypeError,
    CommunityPlanError,
    DimensionError,
    QuantityTextError,
)
from community_plan.frames.engine import Ascending, Engine, Holes, Kind, Lister, Within
from community_plan.frames.keys import CODE, Key
from community_plan.frames.native import MOST_ROWS, NativeTable
from community_plan.grouping import Misread
from community_plan.variables import Variable, normalise_word

__all__ = ["enter"]

_CODE_WIDTHS = {"code": 12, "township_code": 9}
_PATTERNS = {
    "township_code": r"[1-9][0-9]{5}(?:[1-9][0-9]{2}|0[1-9][0-9]|00[1-9])(?:000)?",
    "region_code": r"[1-9][0-9]{3}(?:00|[0-9]{2}(?:[0-9]{3}(?:[0-9]{3})?)?)?",
}
_CODE_PROBLEMS = {
    "code": "expected a 12-digit community code, got {got!r}",
    "township_code": "expected a township code of 9 digits, got {got!r}",
    "region_code": "expected a statistical code of 4, 6, 9 or 12 digits, got {got!r}",
}
_CODE_MEND = "store codes as text; spreadsheets round numbers of 12 digits"
_MEND = "correct the cell, or leave it empty if the value is not known"


@attrs.frozen
class _Check:
    """Something that must not be so in any row."""

    column: SourceColumn
    problem: str
    """What is wrong; `{got}` stands for the cell of the first row."""
    mend: str | None
    mask: Any


@attrs.frozen
class _Entered:
    """One variable on its way in."""

    column: SourceColumn
    number: Any
    """Quanta, or the number of a category's value; 0 where the cell is missing."""
    known: Any | None
    """Whether the cell is there; None if it is in every row."""
    checks: tuple[_Check, ...] = ()
    suspects: tuple[Any, ...] = ()
    """Conditions and `Within`s that together cover every check and cost less."""
    rounded: Any | None = None
    members: Callable[[Sequence[int]], Any] | None = None
    """For a category: whether the cell is one of some values, false where it is missing."""


def enter(
    engine: Engine,
    relation: Any,
    source: Source,
    columns: Mapping[str, SourceColumn],
    *,
    labels: Mapping[str, str],
    unique: Sequence[str],
    careful: bool,
    faults: list[CommunityPlanError],
) -> NativeTable:
    """Turn a relation into whole numbers.

    Args:
        engine: The engine that holds it.
        relation: The user's data.
        source: What table it is.
        columns: The columns to take, by variable id.
        labels: Key name to header, for columns that are grouped by and are no variable.
        unique: Headers that together name a row, the code first.
        careful: Whether to count before believing; without it a wrong guess is a `Misread` later.
        faults: Collects what is wrong.
    """
    return _Entry(engine, relation, source, columns, labels, tuple(unique), careful, faults).run()


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
class _Entry:
    engine: Engine
    relation: Any
    source: Source
    columns: Mapping[str, SourceColumn]
    labels: Mapping[str, str]
    unique: tuple[str, ...]
    careful: bool
    faults: list[CommunityPlanError]
    kinds: dict[str, Kind] = attrs.field(factory=dict)
    holes: dict[str, Holes] = attrs.field(factory=dict)
    limit: int = MAX_QUANTA
    known_rows: int | None = None
    given: Any = None
    ready: dict[str, Any] = attrs.field(factory=dict)
    """Columns that are worked out first, because several expressions read them."""
    taken: list[str] = attrs.field(factory=list)
    """Columns that were read one by one."""
    notes: list[Note] = attrs.field(factory=list)
    """What is to be said of them."""

    def prepared(self, name: str, cell: Any) -> Any:
        """Have a column worked out first."""
        self.ready[name] = cell
        return self.engine.column(name)

    def run(self) -> NativeTable:
        engine = self.engine
        headers = list(dict.fromkeys([*(c.header for c in self.columns.values()), *self.labels.values()]))
        every = engine.kinds(self.relation)
        self.kinds = {header: every[header] for header in headers}
        self.holes = dict.fromkeys(headers, "nan") if self.careful else engine.holes(self.relation, headers)
        rows = self.known_rows = engine.rows(self.relation)
        at_most = MOST_ROWS if rows is None else rows
        if not self.careful and not engine.wide:
            self.limit = min(MAX_QUANTA, INT64_MAX // max(1, at_most))
        entered: dict[str, _Entered] = {}
        keys = {name: self.key(header) for name, header in self.labels.items()}
        codes: dict[str, tuple[Any, list[_Check]]] = {}
        for name, column in self.columns.items():
            kind = column.variable.type
            if kind == "quantity":
                item = self.quantity(column)
            elif kind == "category":
                item = self.category(column)
            elif kind == "text":
                keys[name] = self.key(column.header)
                continue
            else:
                found = self.code(column)
                if found is not None:
                    keys[name], *rest = found
                    codes[name] = (rest[0], rest[1])
                continue
            if item is not None:
                entered[name] = item
        self.given = self.relation
        self.relation = engine.extend(
            engine.select(self.relation, {name: engine.column(name) for name in (*headers, *self.taken)}), self.ready
        )
        checks = [check for item in entered.values() for check in item.checks]
        checks += [check for _, some in codes.values() for check in some]
        wholes = self.wholes(entered)
        self.find_short_rows(every)
        if self.faults:
            return self.table(entered, keys, codes, ())
        if not self.careful:
            suspects = [
                *(suspect for item in entered.values() for suspect in item.suspects),
                *(check.mask for _, some in codes.values() for check in some),
                *(check.mask for check in wholes),
                *(engine.is_null(engine.column(h)) for h in self.unguessed(entered)),
                *self.order(codes, keys),
            ]
            return self.table(entered, keys, codes, tuple(suspects), rows_at_most=at_most)
        return self.counted(entered, keys, codes, [*checks, *wholes])

    def find_short_rows(self, kinds: Mapping[str, Kind]) -> None:
        """See that every line of a text file has all its cells: an empty cell is a text, an absent one is null."""
        if not self.source.text:
            return
        engine, last = self.engine, list(kinds)[-1]
        short = engine.is_null(engine.column(last))
        count = engine.one_row(self.given, {"short": short})["short"]
        if count:
            rows = [row or 0 for row, *_ in engine.first(self.given, short, {}, 5)]
            problem = f"expected {len(kinds)} cells, got fewer"
            if count > 1:
                problem = f"{problem} (and so in {count} rows: {', '.join(map(str, rows))}{' …' if count > 5 else ''})"
            self.faults.append(CellError(problem, place=self.source.place(row=rows[0]), count=count))

    def unguessed(self, entered: Mapping[str, _Entered]) -> list[str]:
        """Return the headers of columns that are only taken to have no holes."""
        if self.known_rows is not None:
            return []  # an engine that knows its rows knows its nulls; NaN is no number, which the checks see
        return [item.column.header for item in entered.values() if item.known is None]

    def order(self, codes: Mapping[str, tuple[Any, list[_Check]]], keys: Mapping[str, Key]) -> list[Any]:
        """Return what shows that codes may repeat; count them where the engine keeps no order."""
        if not self.unique or "code" not in codes:
            return []
        first, code = self.unique[0], (codes["code"][0], True)
        others = [
            (header, (keys[n].cell, keys[n].number)) for n, header in self.labels.items() if header in self.unique[1:]
        ]
        compared = code
        if self.engine.reads_slowly and self.kinds[first].name == "text":  # codes of one length, as the checks see to
            compared = (self.engine.column(first), False)
        for order in ([(first, compared), *others], [*others, (first, compared)]):
            order_keys = tuple(key for _, key in order)
            if self.engine.after(order_keys) is not None and self.engine.begins(self.relation, order[0][0]):
                return [Ascending(order_keys)]
        alike = {f"k{place}": cell for place, (cell, _) in enumerate([code, *(key for _, key in others)])}
        if self.engine.repeats(self.relation, alike):
            raise Misread
        return []

    def counted(
        self,
        entered: Mapping[str, _Entered],
        keys: Mapping[str, Key],
        codes: Mapping[str, tuple[Any, list[_Check]]],
        checks: Sequence[_Check],
    ) -> NativeTable:
        """Count what is wrong and what is missing, before anything is believed."""
        engine = self.engine
        asked: dict[str, Any] = {f"c{place}": check.mask for place, check in enumerate(checks)}
        asked |= {f"k{place}": item.known for place, item in enumerate(entered.values()) if item.known is not None}
        asked |= {f"m{place}": item.number for place, item in enumerate(entered.values())}
        asked["rows"] = None
        most = [f"m{place}" for place in range(len(entered))]
        totals = engine.one_row(self.relation, asked, most=most)
        for place, check in enumerate(checks):
            count = totals[f"c{place}"]
            if count:
                header = check.column.header
                found = engine.first(self.relation, check.mask, {header: engine.column(header)}, 5)
                rows = [row for row, _ in found]
                text = check.problem.format(got=found[0][1])
                self.faults.append(bad_cells(self.source, header, text, rows, count=count, mend=check.mend))
        self.find_duplicates(codes, keys)
        if self.faults:
            return self.table(entered, keys, codes, ())
        full = {
            name
            for place, (name, item) in enumerate(entered.items())
            if item.known is None or totals[f"k{place}"] == totals["rows"]
        }
        known = {name: attrs.evolve(item, known=None) if name in full else item for name, item in entered.items()}
        largest = {name: totals[f"m{place}"] for place, name in enumerate(entered)}
        return self.table(known, keys, codes, (), rows_at_most=totals["rows"], largest=largest)

    def find_duplicates(self, codes: Mapping[str, tuple[Any, list[_Check]]], keys: Mapping[str, Key]) -> None:
        if not self.unique or "code" not in codes:
            return
        engine = self.engine
        parts = {"k0": codes["code"][0]}
        for name, header in self.labels.items():
            if header in self.unique[1:]:
                parts[f"k{len(parts)}"] = keys[name].cell
        extra = engine.repeats(self.relation, parts)
        if extra:
            code, row, earlier = engine.repeated(self.relation, parts)
            width = _CODE_WIDTHS[self.columns["code"].variable.type]
            self.faults.append(
                duplicate_code(
                    self.source, self.unique[0], str(code).zfill(width), row=row, earlier=earlier, count=extra
                )
            )

    def table(
        self,
        entered: Mapping[str, _Entered],
        keys: Mapping[str, Key],
        codes: Mapping[str, tuple[Any, list[_Check]]],
        suspects: tuple[Any, ...],
        *,
        rows_at_most: int = MOST_ROWS,
        largest: Mapping[str, int] | None = None,
    ) -> NativeTable:
        own = self.columns.get("code")
        return NativeTable(
            engine=self.engine,
            relation=self.relation,
            source=self.source,
            numbers={name: item.number for name, item in entered.items()},
            flags={name: item.known for name, item in entered.items() if item.known is not None},
            members={name: item.members for name, item in entered.items() if item.members is not None},
            keys=keys,
            code=codes["code"][0] if "code" in codes else None,
            code_width=12 if own is None else _CODE_WIDTHS.get(own.variable.type, 12),
            code_text=(
                self.engine.column(own.header)
                if own is not None and self.kinds[own.header].name == "text" and own.variable.type == "code"
                else None
            ),
            sizes={
                name: len(item.column.variable.values) for name, item in entered.items() if item.members is not None
            },
            suspects=suspects,
            counted=tuple(
                (functools.partial(rounded_note, item.column), item.rounded)
                for item in entered.values()
                if item.rounded is not None
            ),
            largest=largest or {},
            limit=self.limit,
            rows_at_most=rows_at_most,
            found_notes=self.notes,
        )

    def wholes(self, entered: Mapping[str, _Entered]) -> list[_Check]:
        """Return the checks that no part exceeds its whole."""
        checks = []
        for part in entered.values():
            whole = entered.get(part.column.variable.part_of or "")
            if whole is None:
                continue
            larger = part.number > whole.number
            if whole.known is not None:  # a part that is missing counts as 0, which exceeds nothing
                larger = larger & whole.known
            problem = f"expected at most its whole, column {whole.column.header!r}, got {{got}}"
            checks.append(
                _Check(part.column, problem, "correct one of the two, or leave it empty if it is not known", larger)
            )
        return checks

    def key(self, header: str) -> Key:
        engine, kind, cell = self.engine, self.kinds[header], self.engine.column(header)
        if kind.name == "integer":
            return Key(engine.to_whole(cell), number=True, full=not self.holes[header])
        if kind.name == "boolean":
            return Key(engine.choose(cell, engine.text("True"), engine.text("False")))
        return Key(engine.to_text(cell), full=not self.holes[header])

    def is_empty(self, header: str) -> bool:
        """Say whether a column holds nothing but nulls, whatever type an engine gives to that."""
        if self.kinds[header].name == "nothing":
            return True
        told = self.engine.is_null(self.engine.column(header))
        return self.engine.one_row(self.relation, {"told": ~told})["told"] == 0

    def nothing(self, column: SourceColumn) -> _Entered:
        engine = self.engine
        return _Entered(column, engine.whole(0), engine.truth(False), members=lambda _: engine.truth(False))

    def quantity(self, column: SourceColumn) -> _Entered | None:
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

    def integer(self, column: SourceColumn, cell: Any, quanta: Fraction) -> _Entered:
        engine, name = self.engine, column.variable.id
        holes = self.holes[column.header]
        limit = math.floor(MAX_QUANTA / quanta)
        negative, large = cell < 0, cell > limit
        whole = engine.fill(cell, 0) if holes else cell
        safe = engine.choose(negative | large, engine.whole(0), whole) if self.careful else whole
        if safe is not cell:
            safe = self.prepared(f"{name}__whole", safe)
        number, rounded = self.convert(safe, quanta)
        return _Entered(
            column,
            number,
            ~engine.is_null(engine.column(column.header)) if holes else None,
            self.range_checks(column, negative, large),
            suspects=(Within(safe, math.floor(self.limit / quanta)),),
            rounded=rounded,
        )

    def decimal(self, column: SourceColumn, cell: Any, kind: Kind) -> _Entered:
        whole, fine = self.engine.digits(cell, kind, column.places)
        item = self.integer(column, whole, column.quanta / 10**column.places)
        check = self.too_fine(column, fine & ~(cell < 0))
        return attrs.evolve(item, checks=(*item.checks, check), suspects=(*item.suspects, fine))

    def listed(self, column: SourceColumn) -> _Entered:
        """Read Python objects one by one, as those of a list."""
        engine = cast(Lister, self.engine)  # no other has such columns
        name = f"{column.variable.id}__read"
        cells = read_cells(self.source, column, engine.listed(self.relation, column.header), self.faults, self.notes)
        self.relation = engine.beside(self.relation, {name: cells})
        self.taken.append(name)
        number = engine.column(name)
        if None not in cells:
            return _Entered(column, number, None)
        return _Entered(column, engine.fill(number, 0), ~engine.is_null(number))

    def written(self, column: SourceColumn, cell: Any) -> _Entered:
        """Read the numbers of a text file: plain digits here, the few other spellings one by one."""
        engine, name, places = self.engine, column.variable.id, column.places
        pattern = rf"[0-9]{{1,{15 - places}}}" + (rf"(?:\.[0-9]{{0,{places}}}0*)?" if places else r"(?:\.0*)?")
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
            mend = errors[0][1].mend or _MEND
            checks.append(_Check(column, problem, mend, engine.fill(engine.among(cell, words), False)))
        if rounded:
            spelt = engine.fill(engine.among(cell, rounded), False)
            inexact = spelt if inexact is None else spelt | inexact
        number = self.prepared(f"{name}__number", value)
        return _Entered(
            column,
            number,
            self.prepared(f"{name}__known", known),
            tuple(checks),
            suspects=(~told, Within(number, self.limit)),
            rounded=inexact,
        )

    def float(self, column: SourceColumn, cell: Any, kind: Kind) -> _Entered:
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
        checks: tuple[_Check, ...] = ()
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
        return _Entered(column, value, known, checks, suspects=suspects, rounded=rounded)

    @staticmethod
    def too_fine(column: SourceColumn, mask: Any) -> _Check:
        return _Check(column, too_fine(column, "{got}"), f"round it yourself: round({column.places})", mask)

    @staticmethod
    def range_checks(column: SourceColumn, negative: Any, large: Any) -> tuple[_Check, ...]:
        limit = f"expected at most 2^50 × {column.variable.quantum}, got {{got}}"
        return _Check(column, "expected 0 or more, got {got}", _MEND, negative), _Check(column, limit, _MEND, large)

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

    def category(self, column: SourceColumn) -> _Entered | None:
        engine, kind = self.engine, self.kinds[column.header]
        if kind.name == "nothing":
            return self.nothing(column)
        if kind.name in ("float", "float32", "decimal", "other"):
            if self.is_empty(column.header):
                return self.nothing(column)
            self.faults.append(
                ColumnTypeError(f"expected words, got {kind.shown}", place=self.source.place(column=column.header))
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
        check = _Check(
            column,
            f"expected one of {listed}, got {{got!r}}",
            "use one of these words, or leave the cell empty",
            strange,
        )
        return _Entered(column, number, known if holes else None, (check,), suspects=(strange,), members=members)

    def code(self, column: SourceColumn) -> tuple[Key, Any, list[_Check]] | None:
        engine, kind = self.engine, self.kinds[column.header]
        if kind.name not in ("text", "integer"):
            if kind.name == "nothing":
                kind = attrs.evolve(kind, name="text")
            else:
                self.faults.append(
                    ColumnTypeError(
                        f"expected codes as text, got {kind.shown}",
                        place=self.source.place(column=column.header),
                        mend="read the column as text; floats round 12-digit codes",
                    )
                )
                return None
        cell, type_ = engine.column(column.header), column.variable.type
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
        return key, number, [_Check(column, problem, _CODE_MEND, wrong)]
