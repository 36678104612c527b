"""Native: a table of whole numbers that stays inside the engine that holds it, until only sums are left.

A first look at a few rows says which columns have holes and which words they use. What it says is taken for
granted and counted again in the very query that adds up the sums: if one row is not as it was taken to be,
`Misread` is raised, and the table is entered again with care, counting first.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from community_plan.entry import INT64_MAX, MAX_QUANTA, Note, Source
from community_plan.expressions import Int, Lit, columns_of
from community_plan.frames.engine import BAD, MOST_ROWS, Ascending, Engine, Gaps, Grouped, Within
from community_plan.frames.keys import CODE, CODE_TEXT, NULL_LABEL, Key, label_text
from community_plan.frames.native_codes import Codes
from community_plan.frames.native_sums import NativeRegister, NativeSums
from community_plan.frames.parts import flag, label
from community_plan.frames.stage import Stage
from community_plan.frames.wide import Judging, outputs_of, select_outputs
from community_plan.grouping import Labelled, Misread, Register, gathered
from community_plan.programs import REMAINDER
from community_plan.regions import LEVELS, CountyKind, Level
from community_plan.sums import Basis
from community_plan.variables import Variable

__all__ = ["NativeTable"]


@attrs.frozen(kw_only=True)
class NativeTable:
    """A relation of one engine with the expressions that make whole numbers of it."""

    engine: Engine
    relation: Any
    source: Source
    numbers: Mapping[str, Any]
    """Variable to whole number, 0 where missing."""
    flags: Mapping[str, Any]
    """Variable to whether it is known, for those with missing cells."""
    members: Mapping[str, Callable[[Sequence[int]], Any]]
    """Category to the test for some of its values."""
    keys: Mapping[str, Key]
    """Key columns."""
    code: Any = None
    """The code as a number."""
    code_width: int = 12
    code_text: Any = None
    """The code as the text that it came as, if it did."""
    sizes: Mapping[str, int] = attrs.field(factory=dict)
    """Categories with the number of their values."""
    suspects: tuple[Any, ...] = ()
    """What must hold in no row; counted with the sums."""
    counted: tuple[tuple[Callable[[int], Note], Any], ...] = ()
    """Notes that say in how many rows something is so."""
    largest: Mapping[str, int] = attrs.field(factory=dict)
    """Largest number of each variable; up to `limit` where it has not been counted."""
    limit: int = MAX_QUANTA
    rows_at_most: int = MOST_ROWS
    found_notes: list[Note] = attrs.field(factory=list)
    """Filled when the sums are made."""
    alike: Mapping[str, Any] = attrs.field(factory=dict)
    """What has been seen to repeat in no two rows, if that took counting; another table has to be counted again."""
    is_kept: bool = False
    """Whether it is read and checked already."""
    written: dict[Any, Any] | None = None
    """What was written for sums, if other tables of this kind may ask for the same."""

    @property
    def amount_names(self) -> tuple[str, ...]:
        """Variables that the table holds as numbers."""
        return tuple(self.numbers)

    @property
    def nullable(self) -> frozenset[str]:
        """Variables with missing cells."""
        return frozenset(self.flags)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What happened on entry; complete once sums have been made."""
        return tuple(self.found_notes)

    # -- what follows from the code ------------------------------------------------------------------------

    @property
    def _codes(self) -> Codes:
        return Codes(self.engine, self.code, self.code_width)

    def fill_from_code(self, variable: Variable, declared: Mapping[str, CountyKind]) -> NativeTable:
        """Fill a category that follows from the code where no cell says otherwise."""
        engine = self.engine
        if variable.id in LEVELS:
            level: Level = next(name for name in LEVELS if name == variable.id)
            number = self._codes.region(level)
            return attrs.evolve(self, numbers={**self.numbers, variable.id: number}, members=self._by_number(variable))
        if variable.id in self.numbers and variable.id not in self.flags:
            return self
        says = functools.partial(self._codes.says, variable, declared)
        everything = tuple(range(len(variable.values)))
        given = self.members.get(variable.id)
        silent = None if given is None else ~self.flags[variable.id]

        def members(values: Sequence[int]) -> Any:
            said = says(values)
            return said if given is None or silent is None else given(values) | (silent & said)

        number = functools.reduce(
            operator.add,
            (engine.choose(members((value,)), engine.whole(value), engine.whole(0)) for value in everything[1:]),
        )
        return attrs.evolve(
            self,
            numbers={**self.numbers, variable.id: number},
            flags={**self.flags, variable.id: members(everything)},
            members={**self.members, variable.id: members},
            sizes={**self.sizes, variable.id: len(everything)},
        )

    def _by_number(self, variable: Variable) -> dict[str, Callable[[Sequence[int]], Any]]:
        engine = self.engine

        def members(values: Sequence[int]) -> Any:
            number = engine.column(variable.id)
            return functools.reduce(operator.or_, (number == value for value in values))

        return {**self.members, variable.id: members}

    def with_level(self, level: Level) -> NativeTable:
        """Add the key column of a level: as given where it is, else cut from the code."""
        engine, given = self.engine, self.keys.get(level)
        if given is not None and given.full:
            # Where a cell is missing after all, the region follows from the code, which takes care.
            return attrs.evolve(self, suspects=(*self.suspects, engine.is_null(given.cell)))
        number, ending = self._codes.region(level), self._codes.ending(level)
        if given is None:
            return attrs.evolve(self, keys={**self.keys, level: Key(number, number=True, ending=ending, cut=True)})
        cut = engine.joined(engine.to_text(number), ending)
        cell = engine.choose(engine.is_null(given.cell), cut, self.label_text(level))
        return attrs.evolve(self, keys={**self.keys, level: Key(cell)})

    def placed(self, keys: Sequence[str], *, careful: bool) -> tuple[NativeTable, list[int | None], int]:
        """Return the table, the first rows that none of some key columns puts anywhere, and how many there are."""
        engine, found = self.engine, [self.keys[key] for key in keys]
        if any(key.cut for key in found):
            return self, [], 0
        empty = functools.reduce(operator.and_, map(self._is_empty, found))
        if not careful:
            return attrs.evolve(self, suspects=(*self.suspects, empty)), [], 0
        count = engine.one_row(self.relation, {"empty": empty})["empty"]
        rows = [row for row, *_ in engine.first(self.relation, empty, {}, 5)] if count else []
        return self, rows, count

    def _is_empty(self, key: Key) -> Any:
        null = self.engine.is_null(key.cell)
        return null if key.number else null | (key.cell == "")

    # -- registers -------------------------------------------------------------------------------------------

    def normalised(self) -> NativeTable:
        """Return the same table with its expressions worked out into columns.

        Raises:
            Misread: If rows in memory are not in the order that they were taken to be in: no column shows that.
        """
        engine = self.engine
        ordered = [suspect for suspect in self.suspects if isinstance(suspect, Ascending)]
        if ordered and engine.in_memory and not engine.is_sound(self.relation, ordered):
            raise Misread
        columns = dict(self.numbers)
        columns |= {flag(name): known for name, known in self.flags.items()}
        columns |= {label(name): key.cell for name, key in self.keys.items()}
        if self.code is not None:
            columns[CODE] = self.code
        if self.code_text is not None:
            columns[CODE_TEXT] = self.code_text
        if self.suspects:
            columns[BAD] = engine.fill(self._suspicious(), False)
        columns |= {f"note{place}__": mask for place, (_, mask) in enumerate(self.counted)}
        return self._on(engine, engine.select(self.relation, columns))

    def _numbered(self, name: str) -> Callable[[Sequence[int]], Any]:
        engine, missing = self.engine, name in self.flags

        def members(values: Sequence[int]) -> Any:
            number = engine.column(name)
            found = functools.reduce(operator.or_, (number == value for value in values), engine.truth(False))
            return found & engine.column(flag(name)) if missing else found

        return members

    def split(
        self, key: str, columns: Sequence[str], features: Sequence[Int], level: Level
    ) -> tuple[NativeRegister, list[tuple[tuple[str | None, ...], tuple[int, ...]]]]:
        """Sum a register by region: those of a level stay here, larger ones come back as rows.

        Raises:
            Misread: If a row is not as it was taken to be.
        """
        engine = self.engine
        region = self.keys[key].cell
        nine, twelve = engine.part(region, 9), engine.part(region, 12)
        if level == "township":  # what lies in a township's communities lies in the township
            own = (engine.length(region) >= 9) & (nine != engine.joined(engine.part(region, 6), "000"))
            region = engine.choose(own, nine, region)
        else:
            own = (engine.length(region) == 12) & (twelve != engine.joined(nine, "000"))
        stage, cells, _ = self._stage(features)
        stage |= {label(key): region, "own__": own}
        stage |= {label(column): self.label_text(column) for column in columns}
        stage |= {f"note{place}__": mask for place, (_, mask) in enumerate(self.counted)}
        stage[BAD] = self._suspicious()
        staged = engine.select(self.relation, stage)
        checked = [BAD, *(f"note{place}__" for place in range(len(self.counted)))]
        self._check(engine.one_row(staged, {name: engine.column(name) for name in checked}))
        names = [label(key), *(label(column) for column in columns)]
        sums = {f"f{place}": cell for place, cell in enumerate(cells)}

        def summed(condition: Any) -> Any:
            return engine.grouped_relation(engine.where(staged, condition), names, sums)

        larger = engine.cells(summed(~engine.column("own__")), [*names, *sums])
        width = len(names)
        beyond = [(tuple(row[:width]), tuple(int(cell or 0) for cell in row[width:])) for row in larger]
        within = NativeRegister(engine, summed(engine.column("own__")), names[0], tuple(names[1:]), len(sums))
        return within, beyond

    def _check(self, totals: Mapping[str, int]) -> None:
        if totals.get(BAD):
            raise Misread
        for place, (note, _) in enumerate(self.counted):
            if totals[f"note{place}__"]:
                self.found_notes.append(note(totals[f"note{place}__"]))

    def label_text(self, name: str) -> Any:
        """Return a key column as text."""
        return label_text(self.engine, self.keys[name], self.keys[name].cell)

    def communities(
        self, columns: Mapping[str, str], judge: Judging, features: tuple[Int, ...]
    ) -> tuple[Any, NativeTable] | None:
        """Return a frame with a row for each community, in the user's own kind of frame, and this table for its sums.

        What has been seen of rows in memory need not be looked at again. Without codes no communities are told apart.

        Args:
            columns: Key columns that communities are crossed with, with what they are called in the frame.
            judge: Gives the judgements from an expression for each feature.
            features: The features of a row.

        Raises:
            Misread: If a row is not as it was taken to be.
        """
        if self.code is None:
            return None
        engine, table = self.engine, self
        if REMAINDER in self.numbers:
            table = attrs.evolve(self, relation=engine.where(self.relation, self.numbers[REMAINDER] == 0))
        elif not engine.in_memory:
            table = attrs.evolve(self, relation=engine.settled(self.relation))
            table.checked()
        code = self.code_text if self.code_text is not None else engine.to_text(self.code)
        keys = {"region": code} | {called: self.label_text(name) for name, called in columns.items()}
        asked = ("communities", tuple(columns.items()), id(judge), features)
        if self.written is None or table is not self:
            outputs = outputs_of(table, tuple(keys), judge(features))
        else:
            if asked not in self.written:  # with the judge beside it, so that its identity stays its own
                self.written[asked] = (keys, outputs_of(table, tuple(keys), judge(features)), judge)
            keys, outputs, _ = self.written[asked]
        judged = select_outputs(table, keys, outputs)
        if not engine.in_memory:
            if REMAINDER in self.numbers:
                self.checked()
            return engine.handed_back(judged), self
        seen = attrs.evolve(self, suspects=())
        if table is self:
            frame = engine.handed_back(judged, under=self.relation, suspects=self.suspects)
            if frame is None:
                raise Misread
            if self.counted:
                seen.checked()
        else:
            self.checked()
            frame = engine.handed_back(judged)
        return frame, seen

    def label_cells(self, name: str) -> list[str | None]:
        """Return a key column."""
        rows = self.engine.cells(self.engine.select(self.relation, {"cell": self.keys[name].cell}), ["cell"])
        return [self.keys[name].text(cell) for (cell,) in rows]

    def called(self, level: Level, columns: Sequence[str]) -> dict[Labelled, set[str]]:
        """Return what each region of a level is called, by its code and labels."""
        key, ending = self.keys[level], self._codes.ending(level)
        asked = {"region": self._codes.region(level), "cell": key.cell} | self._labels(columns)
        return gathered(
            ((None if region is None else f"{region}{ending}", *labels), key.text(cell))
            for region, cell, *labels in self.engine.distinct(self.relation, asked)
        )

    def _labels(self, columns: Sequence[str]) -> dict[str, Any]:
        """Return key columns as texts, under names that no user's column has."""
        return {f"label{place}__": self.label_text(name) for place, name in enumerate(columns)}

    def exceeding(self, part: str, whole: str) -> tuple[int, str | None]:
        """Return in how many rows a part is larger than its whole, and the code of one of them."""
        engine = self.engine
        known = [self.flags[name] for name in (part, whole) if name in self.flags]
        larger = functools.reduce(operator.and_, known, self.numbers[part] > self.numbers[whole])
        count = engine.one_row(self.relation, {"larger": larger})["larger"]
        if not count or self.code is None:
            return count, None
        ((_, code),) = engine.first(self.relation, larger, {"code": self.code}, 1)
        return count, None if code is None else str(code).zfill(self.code_width)

    def kinds_by_county(self, columns: Sequence[str]) -> dict[Labelled, set[int | None]]:
        """Return the county kinds that the communities of each county have, by the county's code and labels."""
        engine = self.engine
        known = self.flags.get("county_kind", engine.truth(True))
        asked = {
            "county": self._codes.region("county"),
            "kind": engine.choose(known, self.numbers["county_kind"], engine.whole(-1)),
            **self._labels(columns),
        }
        found: dict[Labelled, set[int | None]] = {}
        for county, kind, *labels in engine.distinct(self.relation, asked):
            found.setdefault((str(county), *labels), set()).add(None if kind < 0 else int(kind))
        return found

    def join(
        self, given: Register, labels: Sequence[str], wanted: Sequence[str], *, absent: int | None, careful: bool
    ) -> tuple[NativeTable, int, list[str], int]:
        """Give every row what a register says of it; see `Table`."""
        register = self._here(given, labels, 2 * len(wanted))
        engine = self.engine
        base = self.normalised()
        columns = [name.removesuffix("__label") for name in register.columns]
        left = engine.extend(
            base.relation,
            {
                "on0": base.code,
                **{f"on{p}": engine.fill(base.label_text(name), NULL_LABEL) for p, name in enumerate(columns, start=1)},
            },
        )
        right = engine.select(
            register.relation,
            {
                "on0": engine.to_whole(engine.column(register.region)),
                **{
                    f"on{p}": engine.fill(engine.column(c), NULL_LABEL) for p, c in enumerate(register.columns, start=1)
                },
                **{f"r{name}": engine.column(f"f{2 * place}") for place, name in enumerate(wanted)},
                **{f"u{name}": engine.column(f"f{2 * place + 1}") for place, name in enumerate(wanted)},
                "there__": engine.whole(1),
            },
        )
        on = ["on0", *(f"on{place}" for place in range(1, len(columns) + 1))]

        def lost(keys: Sequence[str]) -> Any:
            """Return the rows of the register whose keys no row has."""
            here = engine.select(left, {**{key: engine.column(key) for key in keys}, "here__": engine.whole(1)})
            return engine.where(engine.join(right, here, keys, ["here__"]), engine.is_null(engine.column("here__")))

        codes = engine.distinct(lost(["on0"]), {"on0": engine.column("on0")})
        strangers = sorted(str(code).zfill(self.code_width) for (code,) in codes)
        elsewhere = engine.one_row(lost(on), {"rows": None})["rows"] if columns else 0
        added = [*(f"r{name}" for name in wanted), *(f"u{name}" for name in wanted), "there__"]
        joined = engine.join(left, right, on, added)
        engine, joined = engine.rebased(joined)
        listed = ~engine.is_null(engine.column("there__"))
        numbers, flags, suspects = dict(base.numbers), dict(base.flags), list(base.suspects)
        for name in wanted:
            told = engine.fill(engine.column(f"u{name}") == 0, absent is not None)
            flags[name] = told
            numbers[name] = engine.choose(told, engine.fill(engine.column(f"r{name}"), 0), engine.whole(0))
        largest = dict(base.largest)
        asked: dict[str, Any] = {"unlisted": ~listed}
        if careful:
            asked |= {name: numbers[name] for name in wanted}
        elif not engine.wide:
            suspects += [Within(numbers[name], self.limit) for name in wanted]
        totals = engine.one_row(joined, asked, most=wanted)
        largest |= {name: totals[name] for name in wanted if careful}
        table = attrs.evolve(
            base,
            engine=engine,
            relation=joined,
            numbers=numbers,
            flags=flags,
            suspects=tuple(suspects),
            largest=largest,
        )
        return table, totals["unlisted"], strangers, elsewhere

    def _here(self, register: Register, labels: Sequence[str], features: int) -> NativeRegister:
        """Return a register inside this engine, wherever it comes from."""
        if isinstance(register, NativeRegister) and self.engine.shares(register.engine):
            return register
        rows = register.rows()
        names = ["region__label", *(label(name) for name in labels)]
        columns: dict[str, list[Any]] = {name: [key[at] for key, _ in rows] for at, name in enumerate(names)}
        columns |= {f"f{at}": [totals[at] for _, totals in rows] for at in range(features)}
        relation = self.engine.from_cells(self.relation, columns, texts=names)
        return NativeRegister(self.engine, relation, names[0], tuple(names[1:]), features)

    def with_remainder(
        self, amounts: Mapping[str, Sequence[int | None]], labels: Mapping[str, Sequence[str | None]]
    ) -> NativeTable:
        """Append rows that are no community, marked by a column `remainder`."""
        engine = self.engine
        base = self.normalised()
        added = len(next(iter(amounts.values()), ()))
        lacking = [n for n, cells in amounts.items() if n not in base.flags and any(cell is None for cell in cells)]
        flags = {**base.flags, **{name: engine.column(flag(name)) for name in lacking}}
        columns: dict[str, Any] = {name: engine.column(name) for name in base.numbers}
        more: dict[str, Sequence[Any]] = {name: [cell or 0 for cell in amounts[name]] for name in base.numbers}
        for name in flags:
            columns[flag(name)] = engine.truth(True) if name in lacking else engine.column(flag(name))
            more[flag(name)] = [cell is not None for cell in amounts[name]]
        for name, key in base.keys.items():
            columns[label(name)] = key.cell
            more[label(name)] = [key.from_text(text) for text in labels.get(name, [None] * added)]
        others = [BAD] * bool(base.suspects) + [f"note{place}__" for place in range(len(base.counted))]
        columns |= {name: engine.column(name) for name in others}
        more |= {name: [False] * added for name in others}
        if base.code is not None:
            columns[CODE] = base.code
            more[CODE] = [0] * added
        if base.code_text is not None:
            columns[CODE_TEXT] = base.code_text
            more[CODE_TEXT] = [None] * added
        columns[REMAINDER] = engine.whole(0)
        more[REMAINDER] = [1] * added
        engine, relation = engine.rebased(engine.union(engine.select(base.relation, columns), more))
        return attrs.evolve(
            base,
            engine=engine,
            relation=relation,
            numbers={**base.numbers, REMAINDER: engine.column(REMAINDER)},
            flags=flags,
            members={name: attrs.evolve(base, flags=flags)._numbered(name) for name in base.members},
            largest={
                **base.largest,
                **{n: max([base.largest.get(n, self.limit), *c]) for n, c in more.items() if n in base.numbers},
                REMAINDER: 1,
            },
        )

    # -- sums ------------------------------------------------------------------------------------------------

    def grouped(self, keys: Sequence[str], features: Sequence[Int]) -> tuple[Basis, Grouped]:
        """Return the sums of the features' parts by key.

        Raises:
            Misread: If a row is not as it was taken to be.
            SumOverflowError: If a sum passes 2^63.
        """
        engine = self.engine
        asked = (tuple(keys), tuple(features))
        if self.written is None:
            made = self._sums(*asked)
        else:
            made = self.written[asked] if asked in self.written else self.written.setdefault(asked, self._sums(*asked))
        basis, columns, names, sums, gaps, wide = made
        notes = [f"note{place}__" for place in range(len(self.counted))]
        gains = self.suspects or self.is_kept or engine.fills or engine.rows(self.relation) is not None
        if engine.apart and gains:
            found = engine.check_and_group(self.relation, self.suspects, columns, names, sums, gaps=gaps, wide=wide)
            if found is None:
                raise Misread
            grouped = found
        else:
            if self.suspects:
                columns = {**columns, BAD: self._suspicious()}
                sums = {**sums, BAD: engine.column(BAD)}
            grouped = engine.group(engine.select(self.relation, columns), names, sums, wide=wide)
        self._check({name: int(sum(grouped.sums[name])) for name in (*notes, BAD) if name in sums})
        return basis, grouped

    def _sums(self, keys: tuple[str, ...], features: tuple[Int, ...]) -> tuple[Any, ...]:
        """Write what is to be summed for features by keys."""
        engine = self.engine
        sizes = {name: size for name, size in self.sizes.items() if name not in self.flags}
        basis = Basis.of([*features, Lit(1)], sizes)
        columns, cells, wide = self._stage(basis.parts)
        for key in keys:
            columns[label(key)] = self.keys[key].cell
        for place, (_, mask) in enumerate(self.counted):
            columns[f"note{place}__"] = mask
        sums = {f"f{place}": cell for place, cell in enumerate(cells)}
        sums |= {f"note{place}__": engine.column(f"note{place}__") for place in range(len(self.counted))}
        return basis, columns, [label(key) for key in keys], sums, self._gaps(basis), wide

    def _gaps(self, basis: Basis) -> Gaps | None:
        """Return which of a basis' sums only rows with missing cells add to."""
        if not basis.sparse:
            return None
        flags = {name for place in basis.sparse for name in columns_of(basis.parts[place]) if name in self.flags}
        mask = functools.reduce(operator.or_, (~self.flags[name] for name in sorted(flags)))
        return Gaps(frozenset(f"f{place}" for place in basis.sparse), mask)

    def _suspicious(self) -> Any:
        """Return whether anything is not as it was taken to be."""
        return functools.reduce(operator.or_, map(self._mask, self.suspects), self.engine.truth(False))

    def _mask(self, suspect: Any) -> Any:
        if isinstance(suspect, Within):
            return (suspect.cell < 0) | (suspect.cell > suspect.limit)
        if isinstance(suspect, Ascending):
            return ~self.engine.fill(self.engine.after(suspect.keys), False)
        return suspect

    def _stage(self, parts: Sequence[Int]) -> tuple[dict[str, Any], list[Any], bool]:
        """Return the columns that parts are made of, the parts over those columns, and whether 64 bits may not do."""
        names = sorted({name for part in parts for name in columns_of(part)})
        bounds = {name: self.largest.get(name, self.limit) for name in names}
        wide = max(bounds.values(), default=1) * self.rows_at_most > INT64_MAX and not self.engine.wide
        stage = Stage(self, bounds)
        cells = [stage.sum_of(part) for part in parts]
        return stage.columns, cells, wide

    def kept(self) -> NativeTable:
        """Return the table read and checked, and kept where its engine keeps its data.

        Raises:
            Misread: If a row is not as it was taken to be.
        """
        base = self.normalised()
        missing = [~known for known in base.flags.values()]
        gap = functools.reduce(operator.or_, missing) if missing else None
        engine, relation = base.engine.kept(base.relation, gap)
        counted = base.numbers if engine.streamed(relation) is not None else {}  # sums of batches have 64 bits
        found = engine.one_row(relation, {"rows": None, **counted}, most=tuple(counted))
        table = attrs.evolve(
            base,
            engine=engine,
            relation=relation,
            rows_at_most=max(1, found.pop("rows")),
            largest={**base.largest, **found},
        )
        table.checked()
        return attrs.evolve(table, suspects=(), counted=(), written={}, is_kept=True)

    def streamed(self) -> NativeTable | None:
        """Return a kept table for sums over its rows as they come out of its engine; None if that is no faster."""
        assert self.written is not None
        if "streamed" not in self.written:
            found = self.engine.streamed(self.relation)
            self.written["streamed"] = None if found is None else self._on(*found)
        made: NativeTable | None = self.written["streamed"]
        return made

    def _on(self, engine: Engine, relation: Any) -> NativeTable:
        """Return a table whose columns have been worked out with these columns of another engine."""
        table = attrs.evolve(
            self,
            engine=engine,
            relation=relation,
            numbers={name: engine.column(name) for name in self.numbers},
            flags={name: engine.column(flag(name)) for name in self.flags},
            keys={name: attrs.evolve(key, cell=engine.column(label(name))) for name, key in self.keys.items()},
            code=None if self.code is None else engine.column(CODE),
            code_text=None if self.code_text is None else engine.column(CODE_TEXT),
            suspects=(engine.column(BAD),) if self.suspects else (),
            counted=tuple((note, engine.column(f"note{p}__")) for p, (note, _) in enumerate(self.counted)),
            written=None if self.written is None else {},
        )
        return attrs.evolve(table, members={name: table._numbered(name) for name in self.members})

    def codes_repeat(self) -> bool:
        """Say whether a code stands in more than one row; a remainder has none."""
        engine, relation = self.engine, self.relation
        if REMAINDER in self.numbers:
            relation = engine.where(relation, self.numbers[REMAINDER] == 0)
        return bool(engine.repeats(relation, {"k0": self.code}))

    def checked(self) -> None:
        """See that every row is as it was taken to be.

        Raises:
            Misread: If one is not.
        """
        engine = self.engine
        asked = {f"note{place}__": mask for place, (_, mask) in enumerate(self.counted)}
        if self.suspects and not engine.apart:
            asked[BAD] = engine.fill(self._suspicious(), False)
        elif self.suspects and not engine.is_sound(self.relation, self.suspects):
            raise Misread
        if asked:
            self._check(engine.one_row(self.relation, asked))

    def summed(self, keys: Sequence[str], features: Sequence[Int]) -> NativeSums:
        """Sum features over the rows of each combination of keys.

        Raises:
            Misread: If a row is not as it was taken to be.
            SumOverflowError: If a sum passes 2^63.
        """
        basis, grouped = self.grouped(keys, features)
        found = NativeSums(self.engine, {key: self.keys[key] for key in keys}, tuple(features), basis, grouped)
        if grouped.frame is None or grouped.wide:
            found.rows()  # what is too large is told now
        return found
