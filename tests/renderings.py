"""Renderings: one table of whole quanta in every form and type that a user's table can have."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import unittest.mock
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import attrs
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import community_plan as cp
import community_plan.tables
from boundary_rows import AMOUNTS, AREAS, COUNTY_KINDS, SETTINGS, Mask, Truth
from community_plan.frames import array_frames, compiler, engine, fused, loop_sums, opening, outputs, stream_engine

Random = np.random.Generator
Numbers = Literal["narrow", "long", "double", "single", "decimal", "fine decimal", "any"]
"""How amounts are held: integers as short as they go, 64 bits, floats, decimals of 4 or 6 places, or each by lot."""
Holes = Literal["null", "nan", "infinite", "any"]
"""What stands where a float is not known."""
Words = Literal["id", "zh", "mixed"]

_SPELLINGS = {
    "urban": ("城市", "居委会", "urban"),
    "rural": ("农村", "村委会", "rural"),
    "district": ("市辖区", "区", "district"),
    "county": ("县", "county"),
    "county_city": ("县级市", "市", "county_city"),
}
_UNSAID = (None, "", "——", "/")
_INTEGERS = (pl.Int8, pl.UInt8, pl.Int16, pl.UInt16, pl.Int32, pl.UInt32, pl.Int64, pl.UInt64)
_SIGNED = (pl.Int8, pl.Int16, pl.Int32, pl.Int64)


def _masked(cells: Any, known: Mask, dtype: Any) -> pl.Series:
    """Return an array as a series with nulls where it is not known."""
    return pl.select(pl.when(pl.Series(known)).then(pl.Series(cells).cast(dtype))).to_series()


def _doubles(truth: Truth, name: str, random: Random) -> Any:
    """Return the doubles next to the amounts; some zeros are negative."""
    cells = truth.amounts[name] / (10_000.0 if name in AREAS else 1.0)
    return np.where((cells == 0) & (random.random(truth.rows) < 0.5), -0.0, cells)


def _floats(truth: Truth, name: str, random: Random, holes: Holes, *, single: bool) -> pl.Series:
    known, cells = truth.known[name], _doubles(truth, name, random)
    if single:
        exact, cells = cells, cells.astype(np.float32)
        assert (cells == exact).all()  # what a single says is what the truth says
    nan, infinity = float("nan"), float("inf")
    stand_ins = {"null": [nan], "nan": [nan], "infinite": [infinity, -infinity], "any": [nan, infinity, -infinity]}
    cells[~known] = random.choice(stand_ins[holes], int((~known).sum()))
    null = np.zeros(truth.rows, bool)
    if holes in ("null", "any"):
        null = ~known & (random.random(truth.rows) < (1.0 if holes == "null" else 0.3))
    return _masked(cells, ~null, pl.Float32 if single else pl.Float64)


def _decimals(truth: Truth, name: str, places: int) -> pl.Series:
    """Return exact decimals, made of the numbers' own bits."""
    factor = 10**places // (10_000 if name in AREAS else 1)
    low = truth.amounts[name].astype(object) * factor
    halves = np.zeros((truth.rows, 2), np.uint64)
    halves[:, 0] = np.array([cell % 2**64 for cell in low], np.uint64)
    halves[:, 1] = np.array([cell // 2**64 for cell in low], np.uint64)
    there = np.packbits(truth.known[name], bitorder="little")
    cells = pa.Array.from_buffers(
        pa.decimal128(28, places), truth.rows, [pa.py_buffer(there.tobytes()), pa.py_buffer(halves.tobytes())]
    )
    series = pl.from_arrow(cells)
    assert isinstance(series, pl.Series)
    return series


def _integers(truth: Truth, name: str, random: Random, dtypes: Sequence[Any]) -> pl.Series:
    cells = truth.amounts[name] // (10_000 if name in AREAS else 1)
    most = int(cells.max(initial=0))
    fitting = [dtype for dtype in dtypes if pl.select(dtype.max()).item() >= most]
    return _masked(cells, truth.known[name], fitting[0 if random.random() < 0.7 else random.integers(len(fitting))])


def _amount(truth: Truth, name: str, random: Random, numbers: Numbers, holes: Holes, *, signed: bool) -> pl.Series:
    whole = name not in AREAS or truth.grain == 10_000
    if numbers == "any":
        kinds: list[Numbers] = ["narrow", "long", "double", "single", "decimal", "fine decimal"]
        numbers = kinds[random.integers(len(kinds))]
    match numbers:
        case "narrow" if whole:
            return _integers(truth, name, random, _SIGNED if signed else _INTEGERS)
        case "long" if whole:
            return _integers(truth, name, random, [pl.Int64])
        case "single":
            return _floats(truth, name, random, holes, single=True)
        case "decimal":
            return _decimals(truth, name, 4)
        case "fine decimal":
            return _decimals(truth, name, 6)
        case _:
            return _floats(truth, name, random, holes, single=False)


def _category(truth: Truth, name: str, random: Random, words: Words) -> pl.Series:
    ids = SETTINGS if name == "setting" else COUNTY_KINDS
    places = getattr(truth, name)
    if words == "mixed":
        options: list[str | None] = [*itertools.chain(*(_SPELLINGS[word] for word in ids)), *_UNSAID]
        of_value = [[options.index(spelling) for spelling in _SPELLINGS[word]] for word in ids]
        of_value.append([options.index(word) for word in _UNSAID])
        chosen = np.zeros(truth.rows, np.int64)
        for value, spellings in zip((*range(len(ids)), -1), of_value, strict=True):
            here = places == value
            chosen[here] = random.choice(spellings, int(here.sum()))
        return pl.Series(options, dtype=pl.String).gather(chosen)
    spelt = [word if words == "id" else _SPELLINGS[word][0] for word in ids]
    return pl.Series([*spelt, None], dtype=pl.String).gather(np.where(places < 0, len(ids), places))


def frame_of(
    truth: Truth,
    random: Random,
    *,
    numbers: Numbers = "narrow",
    holes: Holes = "null",
    words: Words = "id",
    code: Literal["text", "number"] = "text",
    signed: bool = False,
) -> pl.DataFrame:
    """Return a polars frame; a category that no cell says may have no column."""
    codes = pl.Series(truth.codes)
    made = {"code": codes.cast(pl.String) if code == "text" else codes}
    for name in ("setting", "county_kind"):
        if (getattr(truth, name) >= 0).any() or random.random() < 0.5:
            made[name] = _category(truth, name, random, words)
    for name in AMOUNTS:
        made[name] = _amount(truth, name, random, numbers, holes, signed=signed)
    return pl.DataFrame(made)


# -- forms ---------------------------------------------------------------------------------------------------


@attrs.frozen
class Rendering:
    """A form of a table."""

    name: str
    make: Callable[[Truth, Random, Path], Any]
    """Makes it; the folder is for files."""
    without_polars: bool = False
    """Whether it is evaluated as if polars were not installed."""
    compiled: bool = False
    """Whether loops are compiled for it, as they are for large tables."""
    polars_adds_up: bool = False
    """Whether it is evaluated as a large frame of polars is where llvmlite is not installed."""
    ordered: bool = True
    """Whether its communities come in the order of the data; those that are judged as rows come by their codes."""
    typed: bool = True
    """Whether its columns have types, so that a text is no number."""
    grain: int = 1
    """Grain of the areas that it can hold."""
    large: bool = True
    """Whether it can hold the largest amounts."""
    streaming: bool = False
    in_batches: bool = False
    """Whether its rows come out of their engine in several batches."""
    by_sql: bool = False
    """Whether it is evaluated as on a machine of many cores, where engines of SQL add up themselves."""

    @contextlib.contextmanager
    def setting(self, *, wide: bool = False, by: str | None = None) -> Iterator[None]:
        """Set the stage for its evaluation; wide sums, of more than 64 bits, are left to numpy.

        A question by community is left to the engine that has the rows.
        """
        with contextlib.ExitStack() as stack:
            if self.without_polars:
                stack.enter_context(without("polars"))
            if self.compiled:
                stack.enter_context(compiled(sums=0 if wide else 1))
            if self.polars_adds_up:
                stack.enter_context(without("llvmlite"))
                stack.enter_context(unittest.mock.patch.object(opening, "_SMALL", 0))
            if self.in_batches:
                stack.enter_context(in_batches(least=0 if by == "community" else 1))
                stack.enter_context(compiled(loops=0, sums=0))
            if self.by_sql:
                stack.enter_context(by_sql())
            if self.streaming:
                stack.enter_context(pl.Config(engine_affinity="streaming"))
            if "by polars" in self.name:
                stack.enter_context(unittest.mock.patch.object(community_plan.tables, "_LARGE", 1))
            yield


@contextlib.contextmanager
def without(library: str) -> Iterator[None]:
    """Let `community_plan` not find a library."""
    find = importlib.util.find_spec

    def find_others(name: str, package: str | None = None) -> Any:
        return None if name == library else find(name, package)

    with unittest.mock.patch.object(importlib.util, "find_spec", find_others):
        yield


@contextlib.contextmanager
def compiled(rows: int = 64, *, loops: int = 1, sums: int = 1) -> Iterator[None]:
    """Let loops be compiled for small tables, too, and see that they have run.

    Args:
        rows: How many rows a core works on at a time.
        loops: How many loops have to run.
        sums: How many sums by key have to be made by them.
    """
    call, of = compiler.Loop.__call__, loop_sums.LoopSums.of
    ran, summed = itertools.count(), itertools.count()

    def counted(loop: compiler.Loop, *arguments: Any) -> None:
        next(ran)
        call(loop, *arguments)

    def made(asked: Any) -> Any:
        found = of(asked)
        if found is not None:
            next(summed)
        return found

    with (
        unittest.mock.patch.object(compiler.Loop, "__call__", counted),
        unittest.mock.patch.object(loop_sums.LoopSums, "of", made),
        unittest.mock.patch.multiple(fused, _MANY=1, _CHUNK=rows, _LEAST=rows),
        unittest.mock.patch.object(outputs, "MANY_ROWS", rows),
        unittest.mock.patch.object(array_frames, "MANY_ROWS", rows),
    ):
        yield
    assert next(ran) >= loops, "numpy alone was at work"
    assert next(summed) >= sums, "numpy alone added up"


@contextlib.contextmanager
def in_batches(rows: int = 1999, *, least: int = 1) -> Iterator[None]:
    """Let rows come out of DuckDB in batches of a few, as those of large tables do, and see that so many tables do."""
    read, opened = stream_engine.open_stream, itertools.count()

    def counted(*arguments: Any) -> Any:
        next(opened)
        return read(*arguments)

    with (
        unittest.mock.patch.object(engine, "cores_there", return_value=2),
        unittest.mock.patch.object(stream_engine, "_BATCH", rows),
        unittest.mock.patch.object(stream_engine, "open_stream", counted),
    ):
        yield
    assert next(opened) >= least, "rows did not come in batches"


@contextlib.contextmanager
def by_sql() -> Iterator[None]:
    """Let DuckDB add up itself, as on a machine of many cores."""
    with unittest.mock.patch.object(engine, "cores_there", return_value=64):
        yield


def _categorical(frame: pl.DataFrame, dtype: Any) -> pl.DataFrame:
    return frame.with_columns(pl.col(name).cast(dtype) for name in ("setting", "county_kind") if name in frame.columns)


def _enumerated(frame: pl.DataFrame) -> pl.DataFrame:
    made = frame
    for name, ids in (("setting", SETTINGS), ("county_kind", COUNTY_KINDS)):
        if name in frame.columns:
            made = made.with_columns(pl.col(name).cast(pl.Enum([*ids, "——"])))
    return made


def _numpy_pandas(truth: Truth, random: Random, **options: Any) -> pd.DataFrame:
    """Return a frame of numpy's own types: what has holes is a float."""
    frame = frame_of(truth, random, **options)
    return pd.DataFrame(
        {
            name: pd.Series(cells.to_list(), dtype=object if random.random() < 0.5 else "str")
            if cells.dtype == pl.String
            else cells.to_numpy()
            for name, cells in zip(frame.columns, frame, strict=True)
        }
    )


def _nullable_pandas(truth: Truth, random: Random) -> pd.DataFrame:
    frame = frame_of(truth, random)
    names = {pl.UInt8: "UInt8", pl.UInt16: "UInt16", pl.UInt32: "UInt32", pl.UInt64: "UInt64"}

    def series(cells: pl.Series) -> pd.Series[Any]:
        if cells.dtype == pl.String:
            return pd.Series(cells.to_list(), dtype="string")
        dtype: Any = names.get(type(cells.dtype), str(cells.dtype))
        return pd.Series(cells.to_list(), dtype=dtype)

    return pd.DataFrame({name: series(cells) for name, cells in zip(frame.columns, frame, strict=True)})


def _arrow_pandas(truth: Truth, random: Random, **options: Any) -> pd.DataFrame:
    return frame_of(truth, random, **options).to_pandas(use_pyarrow_extension_array=True)


def _cell(name: str, quanta: int | None, random: Random) -> Any:
    """Return one of the Python values that an amount can be."""
    if quanta is None:
        return (None, float("nan"), float("-inf"), Decimal("NaN"), pd.NA, pd.NaT)[random.integers(6)]
    if name in AREAS:
        exact = Decimal(quanta).scaleb(-4)
        return float(exact) if random.random() < 0.5 else exact
    return (quanta, float(quanta), Decimal(quanta))[random.integers(3)]


def _object_pandas(truth: Truth, random: Random, _: Path) -> pd.DataFrame:
    """Return a frame whose cells are Python objects, of several kinds in one column."""
    frame = frame_of(truth, random, words="mixed").select(pl.col(pl.String)).to_pandas().astype(object)
    for name in AMOUNTS:
        frame[name] = pd.Series([_cell(name, quanta, random) for quanta in truth.cells(name)], dtype=object)
    return frame


def _chunked(frame: pl.DataFrame, random: Random) -> pa.Table:
    """Return an Arrow table in several pieces of uneven size."""
    cuts = np.sort(random.integers(0, frame.height + 1, 3)).tolist()
    pieces = [frame[start:end].to_arrow() for start, end in itertools.pairwise([0, *cuts, frame.height])]
    return pa.concat_tables(pieces)


def _encoded(table: pa.Table) -> pa.Table:
    """Return a table whose words are dictionaries."""
    for place, name in enumerate(table.column_names):
        if name in ("setting", "county_kind"):
            table = table.set_column(place, name, table.column(name).dictionary_encode())
    return table


def _spelt(truth: Truth, random: Random) -> pl.DataFrame:
    """Return a table as text: numbers with more or fewer zeros, and several marks for what is not known."""
    frame = frame_of(truth, random, words="mixed").select(pl.col(pl.String).fill_null(""))
    marks = ["", "", "——", "/", "-"]
    spelt = {}
    for name in AMOUNTS:
        quanta, known = truth.amounts[name].tolist(), truth.known[name].tolist()
        style, mark = random.integers(0, 3, truth.rows).tolist(), random.integers(0, len(marks), truth.rows).tolist()
        cells = []
        for number, told, how, missing in zip(quanta, known, style, mark, strict=True):
            if not told:
                cells.append(marks[missing])
            elif name not in AREAS:
                cells.append(f"{number}.0" if how == 0 else f" {number} " if how == 1 else str(number))
            else:
                text = f"{number // 10_000}.{number % 10_000:04d}"
                cells.append(text if how == 0 else f"{text}00" if how == 1 else text.rstrip("0").rstrip("."))
        spelt[name] = cells
    return frame.with_columns(**{name: pl.Series(cells, dtype=pl.String) for name, cells in spelt.items()})


def _csv(truth: Truth, random: Random, folder: Path) -> Path:
    path = folder / "communities.csv"
    _spelt(truth, random).write_csv(path)
    return path


def _csv_files(truth: Truth, random: Random, folder: Path) -> str:
    frame = _spelt(truth, random)
    half = frame.height // 2
    for number, part in enumerate((frame[:half], frame[half:])):
        part.write_csv(folder / f"part-{number}.csv")
    return str(folder / "part-*.csv")


def _parquet(truth: Truth, random: Random, folder: Path, **options: Any) -> Path:
    path = folder / "communities.parquet"
    frame_of(truth, random, **options).write_parquet(path, row_group_size=max(1, truth.rows // 3))
    return path


def _parquet_files(truth: Truth, random: Random, folder: Path) -> str:
    frame = frame_of(truth, random, numbers="double", holes="any", words="zh")
    third = frame.height // 3
    for number, part in enumerate((frame[:third], frame[third : 2 * third], frame[2 * third :])):
        part.write_parquet(folder / f"part-{number}.parquet")
    return str(folder / "*.parquet")


def _objects(truth: Truth, _: Random, __: Path) -> list[cp.Community]:
    names = ["code", "setting", "county_kind", *AMOUNTS]
    columns = truth.columns()

    def cell(name: str, value: Any) -> Any:
        return value if value is None or name not in AREAS else cp.quantity(Fraction(value, 10_000), "m²")

    return [
        cp.Community(**{name: cell(name, value) for name, value in zip(names, row, strict=True)})
        for row in zip(*(columns[name] for name in names), strict=True)
    ]


def _duckdb(frame: pl.DataFrame | pa.Table) -> Any:
    connection = duckdb.connect()
    table = frame.to_arrow() if isinstance(frame, pl.DataFrame) else frame
    connection.register("given", table)
    connection.execute("CREATE TABLE communities AS SELECT * FROM given")
    return connection.table("communities")


def _huge(truth: Truth, random: Random, _: Path) -> Any:
    """Return a relation whose counts are HUGEINT, as sums in DuckDB are."""
    relation = _duckdb(frame_of(truth, random))
    counts = ", ".join(f"CAST({name} AS HUGEINT) AS {name}" for name in AMOUNTS if name not in AREAS)
    return relation.project(f"* REPLACE ({counts})")


def _scanned(truth: Truth, random: Random, folder: Path) -> Any:
    path = _parquet(truth, random, folder, words="mixed")
    return duckdb.connect().read_parquet(str(path))


def _from_frame(convert: Callable[[pl.DataFrame], Any] = lambda frame: frame, **options: Any) -> Any:
    return lambda truth, random, _: convert(frame_of(truth, random, **options))


def _with_random(convert: Callable[[pl.DataFrame, Random], Any], **options: Any) -> Any:
    return lambda truth, random, _: convert(frame_of(truth, random, **options), random)


def _all() -> Iterator[Rendering]:
    yield Rendering("polars", _from_frame())
    yield Rendering("polars doubles, NaN", _from_frame(numbers="double", holes="nan", words="zh"))
    yield Rendering("polars doubles, infinities", _from_frame(numbers="double", holes="infinite", code="number"))
    yield Rendering("polars doubles, any hole", _from_frame(numbers="double", holes="any", words="mixed"))
    yield Rendering("polars singles", _from_frame(numbers="single", holes="any"), grain=625, large=False)
    yield Rendering("polars, any type", _from_frame(numbers="any", holes="any"), grain=625, large=False)
    yield Rendering("polars metres", _from_frame(words="mixed"), grain=10_000)
    yield Rendering("polars 64 bits", _from_frame(numbers="long", code="number"), grain=10_000)
    yield Rendering("polars decimals", _from_frame(numbers="decimal"))
    yield Rendering("polars fine decimals", _from_frame(numbers="fine decimal", words="zh"))
    yield Rendering("polars categorical", _from_frame(lambda f: _categorical(f, pl.Categorical), words="mixed"))
    yield Rendering("polars enum", _from_frame(_enumerated))
    yield Rendering("polars lazy", _from_frame(lambda f: f.lazy(), words="mixed"))
    yield Rendering("polars lazy, NaN", _from_frame(lambda f: f.lazy(), numbers="double", holes="any", code="number"))
    yield Rendering("polars lazy singles", _from_frame(lambda f: f.lazy(), numbers="single"), grain=625, large=False)
    yield Rendering("polars streaming", _from_frame(lambda f: f.lazy(), numbers="double", holes="any"), streaming=True)
    yield Rendering("polars streaming decimals", _from_frame(lambda f: f.lazy(), numbers="decimal"), streaming=True)
    for name, options in (
        ("pandas", {"numbers": "double", "holes": "nan"}),
        ("pandas, infinities", {"numbers": "double", "holes": "infinite", "words": "mixed"}),
    ):
        yield Rendering(name, lambda t, r, _, o=options: _numpy_pandas(t, r, **o))
        yield Rendering(
            f"{name}, without polars", lambda t, r, _, o=options: _numpy_pandas(t, r, **o), without_polars=True
        )
    yield Rendering("pandas narrow", lambda t, r, _: _numpy_pandas(t, r))
    yield Rendering("pandas singles", lambda t, r, _: _numpy_pandas(t, r, numbers="single"), grain=625, large=False)
    yield Rendering(
        "pandas singles, without polars",
        lambda t, r, _: _numpy_pandas(t, r, numbers="single"),
        grain=625,
        large=False,
        without_polars=True,
    )
    for without in (False, True):
        ending = ", without polars" if without else ""
        yield Rendering(f"pandas nullable{ending}", lambda t, r, _: _nullable_pandas(t, r), without_polars=without)
        yield Rendering(
            f"pandas arrow{ending}", lambda t, r, _: _arrow_pandas(t, r, words="zh"), without_polars=without
        )
        yield Rendering(
            f"pandas decimals{ending}", lambda t, r, _: _arrow_pandas(t, r, numbers="decimal"), without_polars=without
        )
        yield Rendering(
            f"pandas categories{ending}",
            _from_frame(lambda f: _categorical(f, pl.Categorical).to_pandas(), numbers="double"),
            without_polars=without,
        )
        yield Rendering(f"pandas objects{ending}", _object_pandas, without_polars=without, typed=False)
        yield Rendering(f"pyarrow{ending}", _with_random(_chunked), without_polars=without)
        yield Rendering(
            f"pyarrow NaN{ending}", _with_random(_chunked, numbers="double", holes="any"), without_polars=without
        )
        yield Rendering(
            f"pyarrow decimals{ending}", _with_random(_chunked, numbers="fine decimal"), without_polars=without
        )
        yield Rendering(
            f"pyarrow singles{ending}",
            _with_random(_chunked, numbers="single", holes="any"),
            grain=625,
            large=False,
            without_polars=without,
        )
        yield Rendering(
            f"pyarrow dictionaries{ending}",
            _from_frame(lambda f: _encoded(f.to_arrow()), words="mixed"),
            without_polars=without,
        )
    for name, make, grain, large in (
        ("polars", _from_frame(), 1, True),
        ("polars doubles, any hole", _from_frame(numbers="double", holes="any", words="mixed"), 1, True),
        ("polars singles", _from_frame(numbers="single", holes="any"), 625, False),
        ("polars 64 bits", _from_frame(numbers="long", words="zh", code="number"), 10_000, True),
        ("polars enum", _from_frame(_enumerated), 1, True),
        ("pandas", lambda t, r, _: _numpy_pandas(t, r, numbers="double", holes="infinite"), 1, True),
        ("pandas nullable", lambda t, r, _: _nullable_pandas(t, r), 1, True),
        ("pandas arrow", lambda t, r, _: _arrow_pandas(t, r, words="zh"), 1, True),
        ("pyarrow", _with_random(_chunked), 1, True),
        ("pyarrow NaN", _with_random(_chunked, numbers="double", holes="any"), 1, True),
        ("pyarrow dictionaries", _from_frame(lambda f: _encoded(f.to_arrow()), words="mixed"), 1, True),
    ):
        yield Rendering(f"{name}, compiled", make, compiled=True, grain=grain, large=large)
    yield Rendering("polars adding up", _from_frame(words="mixed"), polars_adds_up=True)
    yield Rendering(
        "polars adding up, any type",
        _from_frame(numbers="any", holes="any"),
        polars_adds_up=True,
        grain=625,
        large=False,
    )
    yield Rendering("parquet", _parquet)
    yield Rendering("parquet decimals", lambda t, r, f: _parquet(t, r, f, numbers="decimal", words="mixed"))
    yield Rendering("parquet files", _parquet_files)
    yield Rendering("parquet files, without polars", _parquet_files, without_polars=True)
    yield Rendering("CSV", _csv, typed=False)
    yield Rendering("CSV files", _csv_files, typed=False)
    yield Rendering("CSV read by polars", _csv, typed=False)
    yield Rendering("CSV files read by polars", _csv_files, typed=False)
    yield Rendering("objects", _objects, typed=False)
    yield Rendering("DuckDB", _from_frame(_duckdb, words="mixed"))
    yield Rendering("DuckDB doubles", _from_frame(_duckdb, numbers="double", holes="any", code="number"))
    yield Rendering("DuckDB singles", _from_frame(_duckdb, numbers="single", holes="any"), grain=625, large=False)
    yield Rendering("DuckDB, any type", _from_frame(_duckdb, numbers="any", holes="any"), grain=625, large=False)
    yield Rendering("DuckDB decimals", _from_frame(_duckdb, numbers="decimal"))
    yield Rendering("DuckDB fine decimals", _from_frame(_duckdb, numbers="fine decimal", words="zh"))
    yield Rendering("DuckDB enum", _from_frame(lambda f: _duckdb(_encoded(f.to_arrow())), words="mixed"))
    for name, options in (
        ("DuckDB", {"words": "mixed"}),
        ("DuckDB doubles", {"numbers": "double", "holes": "any", "code": "number"}),
    ):
        yield Rendering(f"{name}, in batches", _from_frame(_duckdb, **options), in_batches=True)
        yield Rendering(f"{name}, by SQL", _from_frame(_duckdb, **options), by_sql=True)
    enumerated = _from_frame(lambda f: _duckdb(_encoded(f.to_arrow())), words="mixed")
    yield Rendering("DuckDB enum, in batches", enumerated, in_batches=True)
    yield Rendering("DuckDB enum, by SQL", enumerated, by_sql=True)
    yield Rendering("DuckDB parquet, in batches", _scanned, in_batches=True)
    yield Rendering("DuckDB huge", _huge)
    yield Rendering("DuckDB parquet", _scanned)


_AS_ROWS = ("CSV", "CSV files", "objects")
"""Forms that are read cell by cell, so that their communities are judged as rows."""
RENDERINGS = {rendering.name: attrs.evolve(rendering, ordered=rendering.name not in _AS_ROWS) for rendering in _all()}


def spark_renderings(session: Any) -> list[Rendering]:
    """Return the forms that need a Spark session."""

    def made(name: str, grain: int, **options: Any) -> Rendering:
        make = _from_frame(lambda frame: session.createDataFrame(frame.to_arrow()).cache(), signed=True, **options)
        return Rendering(name, make, ordered=False, grain=grain)

    return [made("Spark", 1, words="mixed"), made("Spark, any type", 625, numbers="any", holes="any", code="number")]


def told(frame: Any) -> pl.DataFrame:
    """Return a result's frame, of whatever kind, in polars; what pandas calls NaN is null."""
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pd.DataFrame):
        return pl.from_pandas(frame)
    table = (
        frame
        if isinstance(frame, pa.Table)
        else frame.toArrow()
        if hasattr(frame, "toArrow")
        else frame.to_arrow_table()
    )
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found
