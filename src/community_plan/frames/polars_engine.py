"""Polars: the engine for polars frames, lazy and eager, and for what converts to them without a copy."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import numpy as np
import polars as pl

from community_plan.entry import INT64_MAX
from community_plan.frames.engine import BAD, Ascending, Gaps, Grouped, Holes, Kind, Within
from community_plan.frames.polars_cells import PolarsCells
from community_plan.frames.polars_frames import as_it_is, back_to, collected, kind_of, taken_over, told
from community_plan.frames.polars_runs import Kept, Places, array, bytes_of

__all__ = ["PolarsEngine", "open_polars"]

_PLAIN = pl.QueryOptFlags(comm_subexpr_elim=False)
"""What is worked out twice is cheap; finding out is not."""
_SAMPLE = 1000
"""Rows that a guess rests on."""
_SMALL = 20_000
"""Rows up to which a query costs less than optimizing it."""
_PIECE = 2**19
"""Rows that are worked on at a time."""
_LARGE_INTEGERS = (pl.UInt64, pl.Int128, pl.UInt128)
_GAP = "gap__"


@attrs.define
class PolarsEngine(PolarsCells):
    """Verbs of polars; a relation is a LazyFrame."""

    eager: Any = None
    """The DataFrame behind the relation, if there is one."""
    sample: pl.DataFrame | None = None
    """Some rows that guesses rest on."""
    back: Callable[[pl.LazyFrame], Any] = as_it_is
    """Turns a relation into the user's own kind of frame."""
    memory: Kept | None = None
    """What was found of a relation that is kept."""
    wide: bool = False
    apart: bool = True
    reads_slowly: bool = False
    fills: bool = False
    in_memory: bool = False
    looks: list[Any] | None = None

    def _is_small(self) -> bool:
        return self.eager is not None and self.eager.height <= _SMALL

    def _run(self, plan: pl.LazyFrame) -> pl.DataFrame:
        if not self._is_small():
            return collected(plan)
        return told(lambda: plan.collect(engine="in-memory", optimizations=pl.QueryOptFlags.none()))

    def _run_all(self, plans: Sequence[pl.LazyFrame]) -> list[pl.DataFrame]:
        """Run queries side by side."""
        if len(plans) == 1 or self._is_small():
            return [self._run(plan) for plan in plans]
        return told(lambda: pl.collect_all(list(plans)))

    def _at_once(self, plan: pl.LazyFrame) -> pl.DataFrame:
        """Run a query for columns in one piece, which numpy reads without a copy."""
        return (
            self._run(plan)
            if self._is_small()
            else told(lambda: plan.collect(engine="in-memory", optimizations=_PLAIN))
        )

    # -- relations ---------------------------------------------------------------------------------------

    def kinds(self, relation: pl.LazyFrame) -> dict[str, Kind]:
        schema = relation.collect_schema() if self.eager is None else self.eager.schema
        self.large = frozenset(name for name, dtype in schema.items() if dtype in _LARGE_INTEGERS)
        return {name: kind_of(dtype) for name, dtype in schema.items()}

    def rows(self, relation: pl.LazyFrame) -> int | None:  # noqa: ARG002  # as `Engine`
        return None if self.eager is None else self.eager.height

    def holes(self, relation: pl.LazyFrame, headers: Sequence[str]) -> dict[str, Holes]:
        if self.eager is None:
            self.sample = collected(relation.select(headers).head(_SAMPLE))
            nulls = {header: self.sample.get_column(header).null_count() for header in headers}
        else:
            every = self.eager.height // _SAMPLE
            self.sample = self.eager.select(headers)[:: max(1, every)]
            nulls = {header: self.eager.get_column(header).null_count() for header in headers}
        types = self.sample.schema
        floats = [header for header in headers if types[header].is_float()]
        finite = self.sample.select(pl.col(floats).is_finite().all()).row(0) if floats else ()
        strange = {header for header, all_ in zip(floats, finite, strict=True) if not all_}
        return {header: "nan" if header in strange else "null" if nulls[header] else "" for header in headers}

    def words(
        self,
        relation: pl.LazyFrame,
        header: str,
        *,
        every: bool,
        likely: Sequence[str] = (),  # noqa: ARG002  # as `Engine`
    ) -> list[str]:
        if every or self.sample is None:
            cells = collected(relation.select(pl.col(header).cast(pl.String).unique())).to_series()
        else:
            cells = self.sample.get_column(header).cast(pl.String)
        return [word for word in dict.fromkeys(cells.to_list()) if word is not None]

    def select(self, relation: pl.LazyFrame, columns: Mapping[str, pl.Expr]) -> pl.LazyFrame:
        return relation.select(**columns)

    def extend(self, relation: pl.LazyFrame, columns: Mapping[str, pl.Expr]) -> pl.LazyFrame:
        return relation.with_columns(**columns)

    def cells(self, relation: pl.LazyFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = collected(relation.select(*columns)).rows()
        return rows

    def where(self, relation: pl.LazyFrame, condition: pl.Expr) -> pl.LazyFrame:
        return relation.filter(condition)

    def one_row(
        self, relation: pl.LazyFrame, columns: Mapping[str, pl.Expr | None], *, most: Sequence[str] = ()
    ) -> dict[str, int]:
        asked = [
            (pl.len() if cell is None else cell.max() if name in most else cell.cast(pl.Int64).sum()).alias(name)
            for name, cell in columns.items()
        ]
        row = collected(relation.select(*asked)).row(0)
        return {name: int(cell or 0) for name, cell in zip(columns, row, strict=True)}

    def group(
        self, relation: pl.LazyFrame, keys: Sequence[str], sums: Mapping[str, pl.Expr | None], *, wide: bool
    ) -> Grouped:
        frame = self._run(self.grouped_relation(relation, keys, sums, wide=wide))
        return _grouped(frame, keys, sums, wide=wide)

    def check_and_group(
        self,
        relation: pl.LazyFrame,
        suspects: Sequence[pl.Expr | Within],
        stage: Mapping[str, pl.Expr],
        keys: Sequence[str],
        sums: Mapping[str, pl.Expr | None],
        *,
        gaps: Gaps | None,
        wide: bool,
    ) -> Grouped | None:
        ordered = [suspect for suspect in suspects if isinstance(suspect, Ascending)]
        masks = [suspect for suspect in suspects if not isinstance(suspect, Ascending)]
        if self.eager is not None and keys and not wide:
            return self._by_runs(relation, masks, ordered, stage, keys, sums, gaps)
        rows = {f"o{place}": self.after(suspect.keys).fill_null(False) for place, suspect in enumerate(ordered)}
        if rows and (self.eager is None or keys):  # a look at the row before would hold up a stream
            if not all(self._run(relation.select(**rows).select(pl.all().all())).row(0)):
                return None
            rows = {}
        if keys:
            bad = functools.reduce(operator.or_, map(_mask, masks), pl.lit(False))
            plan = self.grouped_relation(
                relation.select(**stage, **{BAD: bad}), keys, {**sums, BAD: pl.col(BAD)}, wide=wide
            )
            frame = self._run(plan)
            if frame.get_column(BAD).sum():
                return None
            return _grouped(frame, keys, sums, wide=wide)
        dense, sparse = _parted(sums, gaps)
        cells = _totals(dense, wide=wide)
        looked = {f"s{p}": mask.cell if isinstance(mask, Within) else mask for p, mask in enumerate(masks)}
        holds = [
            _holds(attrs.evolve(mask, cell=pl.col(name)) if isinstance(mask, Within) else pl.col(name)).alias(name)
            for name, mask in zip(looked, masks, strict=True)
        ]
        order = [pl.col(name).all() for name in rows]
        asked = [relation.select(**stage, **looked, **rows).select(*cells, *holds, *order)]
        if gaps is not None:
            asked.append(relation.filter(gaps.mask).select(**stage).select(*_totals(sparse, wide=wide)))
        frame, *rest = self._run_all(asked)
        if any(frame.get_column(name).item() for name in looked):
            return None
        if not all(frame.get_column(name).item() for name in rows):
            return None
        for more in rest:
            frame = frame.hstack(more)
        return _grouped(frame.select(*sums), keys, sums, wide=wide)

    def is_sound(self, relation: pl.LazyFrame, suspects: Sequence[Any]) -> bool:
        ordered = [self.after(suspect.keys).fill_null(False) for suspect in suspects if isinstance(suspect, Ascending)]
        masks = [suspect for suspect in suspects if not isinstance(suspect, Ascending)]
        if self.eager is None:
            for order in ordered:  # apart, because a look at the row before would hold up the stream
                if not self._run(relation.select(order.all())).item():
                    return False
            checks = relation.select(_holds(mask).alias(f"s{place}") for place, mask in enumerate(masks))
            return not masks or not any(self._run(checks).row(0))
        frame = self._at_once(relation)
        if not all(frame.select(order.all()).item() for order in ordered):
            return False
        return not _any_holds(frame, masks)

    def _by_runs(
        self,
        relation: pl.LazyFrame,
        masks: Sequence[pl.Expr | Within],
        ordered: Sequence[Ascending],
        stage: Mapping[str, pl.Expr],
        keys: Sequence[str],
        sums: Mapping[str, pl.Expr | None],
        gaps: Gaps | None,
    ) -> Grouped | None:
        """Sum run by run (`polars_runs`), in pieces that keep what is worked out on the way small."""
        height = self.eager.height
        workers = 1 if self._is_small() else pl.thread_pool_size()
        size = min(_PIECE, max(1, -(-height // workers)))

        def worked(start: int) -> tuple[pl.DataFrame, int, list[tuple[Any, ...]]] | None:
            piece = self._at_once(relation.slice(start, size))
            edges = []
            for suspect in ordered:
                if not piece.select(self.after(suspect.keys).fill_null(False).all()).item():
                    return None
                if piece.height == 0:
                    continue
                keys_of = piece.select(key.alias(f"k{place}") for place, (key, _) in enumerate(suspect.keys))
                edges += [keys_of.row(0), keys_of.row(-1)]
            if _any_holds(piece, masks):
                return None
            return *self._runs(piece, start, stage, keys, sums, gaps), edges

        starts = range(0, max(height, 1), size)
        if workers == 1:
            done = [worked(start) for start in starts]
        else:  # numpy and polars both let go of the interpreter while they work
            with ThreadPoolExecutor(workers) as pool:
                done = list(pool.map(worked, starts))
        parts: list[pl.DataFrame] = []
        most = 0
        before = None
        for each in done:
            if each is None:
                return None
            part, largest, edges = each
            if edges and ((before is not None and not edges[0] > before) or None in edges[0]):
                return None
            before = edges[-1] if edges else None
            most += largest
            if parts and part.height and parts[-1].select(keys).row(-1) == part.select(keys).row(0):
                halves = pl.concat([parts[-1][-1:], part[:1]])  # a region that was cut in two
                whole = halves.select(pl.col(*keys).first(), pl.col(*sums).sum())
                parts[-1:] = [parts[-1][:-1], whole]
                part = part[1:]
            if part.height or not parts:
                parts.append(part)
        frame = parts[0] if len(parts) == 1 else pl.concat(parts)
        ascending = self.after([(pl.col(key), frame.schema[key].is_integer()) for key in keys]).all()
        if frame.select(ascending).item():
            return attrs.evolve(_grouped(frame, keys, sums, wide=False), most=min(most, INT64_MAX))
        again = frame.select(*keys).is_duplicated()  # regions that do not stand together
        if again.any():
            whole = self._run(frame.filter(again).lazy().group_by(*keys).agg(pl.col(*sums).sum()))
            frame = pl.concat([frame.filter(~again), whole])
        return _grouped(frame, keys, sums, wide=False)

    def _runs(
        self,
        piece: pl.DataFrame,
        start: int,
        stage: Mapping[str, pl.Expr],
        keys: Sequence[str],
        sums: Mapping[str, pl.Expr | None],
        gaps: Gaps | None,
    ) -> tuple[pl.DataFrame, int]:
        """Return the sums of each run of rows with equal keys, and the largest; of each key where runs are short."""
        dense, sparse = _parted(sums, gaps)
        named = {name: cell for name, cell in dense.items() if cell is not None}
        mask = {} if gaps is None or self.memory is not None else {_GAP: gaps.mask.fill_null(False)}
        staged = self._at_once(piece.lazy().select(**stage, **mask))
        known = None if self.memory is None else self.memory.places.get((start, *keys))
        frame = self._at_once(staged.lazy().select(*(keys if known is None else ()), **named))
        places = Places.of(frame, keys) if known is None else known
        if self.memory is not None:
            self.memory.places[start, *keys] = places
        if places.short or not piece.height:
            return self._run(self.grouped_relation(staged.lazy(), keys, sums)).select(*keys, *sums), INT64_MAX
        runs = places.runs
        totals = np.zeros((len(sums), len(runs.starts)), dtype=np.int64)  # one piece of memory: many cost far more
        found = dict(zip(sums, totals, strict=True))
        for name in dense.keys() - named.keys():
            found[name][:] = np.diff(runs.starts, append=runs.rows)
        runs.add_up(self._arrays(frame.select(*named)), found)
        if gaps is not None:
            if self.memory is None:
                few, rows = staged.lazy().filter(_GAP), staged.get_column(_GAP).arg_true().to_numpy()
            else:
                base, rows = self.memory.between(start, start + piece.height)
                few = base.lazy().select(**stage)
            if places.gaps is None:
                places.gaps = places.gaps_at(rows)
            within, here = places.gaps
            some = dict(zip(sparse, np.empty((len(sparse), len(here)), dtype=np.int64), strict=True))
            within.add_up(self._arrays(self._at_once(few.select(**sparse))), some)
            for name, total in some.items():
                found[name][here] = total
        frame = places.labels.with_columns(**{name: pl.Series(found[name]) for name in sums})
        return frame, int(totals.max(initial=0))

    def _arrays(self, frame: pl.DataFrame) -> dict[str, Any]:
        """Return columns of numbers and truth values as arrays."""
        read = frame if self._is_small() else bytes_of(frame)
        return {column.name: array(column) for column in read}

    def grouped_relation(
        self,
        relation: pl.LazyFrame,
        keys: Sequence[str],
        sums: Mapping[str, pl.Expr | None],
        *,
        most: int | None = None,  # noqa: ARG002  # as `Engine`
        wide: bool = False,
    ) -> pl.LazyFrame:
        total = pl.Int128 if wide else pl.Int64
        cells = {n: cell.cast(total) if wide else cell for n, cell in sums.items() if cell is not None}
        counts = [pl.len().cast(total).alias(name) for name, cell in sums.items() if cell is None]
        if not keys:
            return relation.select(*(cell.sum().cast(total).alias(n) for n, cell in cells.items()), *counts)
        # Masked columns first, plain sums after: within a group-by polars would evaluate every mask group by group.
        chosen = relation.select(*(pl.col(key) for key in keys), **cells)
        return chosen.group_by(*keys).agg(*(pl.col(name).sum().cast(total) for name in cells), *counts)

    def distinct(self, relation: pl.LazyFrame, columns: Mapping[str, pl.Expr]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = collected(relation.select(**columns).unique()).rows()
        return rows

    def begins(self, relation: pl.LazyFrame, header: str) -> bool:  # noqa: ARG002  # as `Engine`
        return self.sample is not None and bool(self.sample.get_column(header).is_sorted())

    def repeats(self, relation: pl.LazyFrame, keys: Mapping[str, pl.Expr]) -> int:
        chosen = relation.select(**keys).filter(pl.col("k0").is_not_null())
        cells = pl.struct(*keys) if len(keys) > 1 else pl.col(*keys)
        return int(collected(chosen.select(pl.len() - cells.n_unique())).item())

    def repeated(self, relation: pl.LazyFrame, keys: Mapping[str, pl.Expr]) -> tuple[int, int | None, int | None]:
        numbered = relation.select(**keys).with_row_index("row__", offset=1).filter(pl.col("k0").is_not_null())
        first = pl.col("row__").min().over(*keys)
        again = numbered.with_columns(first.alias("first__")).filter(pl.col("row__") != pl.col("first__"))
        row, code, earlier = collected(again.select("row__", "k0", "first__").head(1)).row(0)
        return int(code), row, earlier

    def first(
        self, relation: pl.LazyFrame, mask: pl.Expr, columns: Mapping[str, pl.Expr], most: int
    ) -> list[tuple[int | None, ...]]:
        numbered = relation.with_row_index("row__", offset=1).filter(mask).head(most)
        chosen = numbered.select("row__", *(cell.alias(name) for name, cell in columns.items()))
        rows: list[tuple[int | None, ...]] = collected(chosen).rows()
        return rows

    def join(self, left: pl.LazyFrame, right: pl.LazyFrame, on: Sequence[str], add: Sequence[str]) -> pl.LazyFrame:
        return left.join(right.select(*on, *add), on=list(on), how="left", maintain_order="left")

    def union(self, relation: pl.LazyFrame, columns: Mapping[str, Sequence[Any]]) -> pl.LazyFrame:
        schema = relation.collect_schema()
        return pl.concat([relation, pl.LazyFrame(dict(columns), schema=schema)])

    def from_cells(
        self,
        like: pl.LazyFrame,  # noqa: ARG002  # as `Engine`
        columns: Mapping[str, Sequence[Any]],
        *,
        texts: Sequence[str],
    ) -> pl.LazyFrame:
        return pl.LazyFrame(dict(columns), schema={name: pl.String if name in texts else pl.Int64 for name in columns})

    def over(self, frame: pl.DataFrame) -> tuple[PolarsEngine, pl.LazyFrame]:
        back = collected if self.back is as_it_is else self.back
        return PolarsEngine(eager=frame, back=back), frame.lazy()

    def ordered(self, relation: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
        frame = self._at_once(relation)
        if len(columns) == 1 and frame.get_column(*columns).is_sorted():
            return frame.lazy()
        return frame.lazy().sort(*columns, nulls_last=True)

    def rebased(self, relation: pl.LazyFrame) -> tuple[PolarsEngine, pl.LazyFrame]:
        if self.eager is None:
            return self, relation
        frame = self._run(relation)
        return attrs.evolve(self, eager=frame), frame.lazy()

    def streamed(self, relation: pl.LazyFrame) -> None:  # noqa: ARG002  # as `Engine`
        return None

    def settled(self, relation: pl.LazyFrame) -> pl.LazyFrame:
        if self.eager is None:
            return relation
        return self._run(relation).lazy()

    def kept(self, relation: pl.LazyFrame, gap: pl.Expr | None) -> tuple[PolarsEngine, pl.LazyFrame]:
        frame = self._run(relation).rechunk()
        return attrs.evolve(self, eager=frame, large=frozenset(), memory=Kept.of(frame, gap)), frame.lazy()

    def handed_back(self, relation: pl.LazyFrame, *, under: Any = None, suspects: Sequence[Any] = ()) -> Any:  # noqa: ARG002  # as `Engine`
        return self.back(self._run(relation).lazy() if self._is_small() else relation)

    def shares(self, other: Any) -> bool:
        return isinstance(other, PolarsEngine)


def _grouped(frame: pl.DataFrame, keys: Sequence[str], sums: Iterable[str], *, wide: bool) -> Grouped:
    return Grouped(
        keys={key: frame.get_column(key) for key in keys},
        sums={name: frame.get_column(name) for name in sums},
        frame=frame,
        wide=wide,
    )


def _parted(
    sums: Mapping[str, pl.Expr | None], gaps: Gaps | None
) -> tuple[dict[str, pl.Expr | None], dict[str, pl.Expr | None]]:
    """Return the sums that every row may add to, and those that only rows with missing cells do."""
    names = frozenset() if gaps is None else gaps.names
    dense = {name: cell for name, cell in sums.items() if name not in names}
    return dense, {name: cell for name, cell in sums.items() if name in names}


def _totals(sums: Mapping[str, pl.Expr | None], *, wide: bool) -> list[pl.Expr]:
    total = pl.Int128 if wide else pl.Int64
    return [
        (pl.len() if cell is None else (cell.cast(total) if wide else cell).sum()).cast(total).alias(name)
        for name, cell in sums.items()
    ]


def _any_holds(frame: pl.DataFrame, suspects: Sequence[pl.Expr | Within]) -> bool:
    """Say whether one of some suspects holds in a row; where bits tell too little, that it may."""
    masks = [suspect.any() for suspect in suspects if not isinstance(suspect, Within)]
    numbers = [suspect for suspect in suspects if isinstance(suspect, Within)]
    if masks and any(frame.select(mask.alias(f"s{place}") for place, mask in enumerate(masks)).row(0)):
        return True
    cells = frame.select(number.cell.alias(f"s{place}") for place, number in enumerate(numbers))
    for number, series in zip(numbers, cells, strict=True):
        # Or-ed together, whole numbers show a sign bit or a high bit as soon as one of them has it.
        together = int(np.bitwise_or.reduce(array(series), initial=0))
        if together < 0 or together > _all_ones(number.limit):
            return True
    return False


def _all_ones(limit: int) -> int:
    """Return the largest number of binary ones up to a limit."""
    return int(2 ** ((limit + 1).bit_length() - 1) - 1)


def _mask(suspect: pl.Expr | Within) -> pl.Expr:
    if isinstance(suspect, Within):
        return (suspect.cell < 0) | (suspect.cell > suspect.limit)
    return suspect


def _holds(suspect: pl.Expr | Within) -> pl.Expr:
    """Return whether a suspect holds in a row; where bits tell too little, that it may."""
    if isinstance(suspect, Within):
        together = suspect.cell.bitwise_or()  # as in `_any_holds`
        return ((together < 0) | (together > _all_ones(suspect.limit))).fill_null(False)
    return suspect.any()


def open_polars(data: Any, headers: Sequence[str], texts: Collection[str]) -> tuple[PolarsEngine, pl.LazyFrame] | None:
    """Return some columns of a frame of polars, pandas or pyarrow for this engine; None if it cannot take them.

    Args:
        data: The frame.
        headers: The columns that are needed.
        texts: Those of them that are read as texts, whatever polars keeps of their words.
    """
    frame = data if isinstance(data, pl.DataFrame | pl.LazyFrame) else taken_over(data, headers)
    if frame is None:
        return None
    types = frame.collect_schema()
    if any(isinstance(types[header], pl.Object) for header in headers):
        return None
    words = [header for header in headers if header in texts and isinstance(types[header], pl.Categorical | pl.Enum)]
    if words:
        frame = frame.with_columns(pl.col(words).cast(pl.String))
    if isinstance(frame, pl.LazyFrame):
        return PolarsEngine(), frame
    return PolarsEngine(eager=frame, back=back_to(data)), frame.lazy()
