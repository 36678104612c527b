"""Proves over a million rows at the limits that no engine differs from fractions in any field of any verdict.

The tables lie at every limit, one quantum off, at zero and at the largest amounts, with cells that are not known;
each form that a table can have says the same, and so does the oracle, which was written without the library.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import operator
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import community_plan as cp
import oracle
from boundary_rows import AREAS, MOST, Truth, make_truth
from community_plan.errors import ColumnTypeError, SumOverflowError
from renderings import RENDERINGS, Rendering, compiled, frame_of, spark_renderings, told, without
from sql_tables import set_ansi, to_spark

PLAN = cp.load_plan("shangqiu-14fyp")
TARGETS = [indicator.id for indicator in oracle.INDICATORS]
LEVELS = ("city", "county", "township")
VERDICTS = ("unknown", "met", "not_met")

taken = operator.attrgetter(*oracle.FIELDS)
given_by_oracle = operator.itemgetter(*oracle.FIELDS)


# -- what is compared ----------------------------------------------------------------------------------------


def assert_rows(rows: Sequence[Any], expected: Mapping[str, list[dict[str, Any]]], levels: Sequence[str]) -> None:
    """Compare results in every field, in their order."""
    theirs = [given_by_oracle(row) for level in levels for row in expected[level]]
    mine = [taken(row) for row in rows]
    for one, other in zip(mine, theirs, strict=False):
        assert one == other
    assert len(mine) == len(theirs)
    assert [row.level for row in rows] == [level for level in levels for _ in expected[level]]


def is_nearest(found: float | None, value: Fraction | None) -> bool:
    """Say whether a double is the one next to a value; beyond 2^53 its sums are rounded first."""
    if found is None or value is None:
        return found is value
    exact = float(value)
    beyond = max(value.numerator, value.denominator) > 2**40
    return found == exact or (beyond and abs(found - exact) <= 2 * math.ulp(exact))


def assert_wide(frame: Any, rows: list[dict[str, Any]]) -> None:
    """Compare a frame with a row for each region with the oracle's rows."""
    found = told(frame)
    regions = list(dict.fromkeys(row["region"] for row in rows))
    assert found.get_column("region").to_list() == regions
    for target in TARGETS:
        own = [row for row in rows if row["target"] == target]
        assert found.get_column(f"{target}__verdict").cast(pl.String).to_list() == [row["verdict"] for row in own]
        values = found.get_column(f"{target}__value").to_list()
        for value, row in zip(values, own, strict=True):
            assert is_nearest(value, row["value"]), (row["region"], target, value, row["value"])


@attrs.frozen
class Each:
    """What the oracle says of every community by itself, as arrays."""

    codes: list[str]
    values: Mapping[str, Any]
    """The nearest doubles, NaN without a value."""
    pairs: Mapping[str, list[tuple[int, int] | None]]
    verdicts: Mapping[str, Any]
    """Places in `VERDICTS`."""

    @classmethod
    def of(cls, columns: Mapping[str, list[Any]]) -> Each:
        judged = oracle.judge_each(columns)
        nothing = float("nan")
        return cls(
            codes=columns["code"],
            # Python divides whole numbers to the nearest double, however large they are.
            values={
                n: np.array([nothing if p is None else p[0] / p[1] for p in pairs]) for n, (pairs, _) in judged.items()
            },
            pairs={name: pairs for name, (pairs, _) in judged.items()},
            verdicts={
                n: np.array([VERDICTS.index(word) for word in words], np.int8) for n, (_, words) in judged.items()
            },
        )

    def assert_said_by(self, frame: Any, *, ordered: bool) -> None:
        """Compare a frame with a row for each community."""
        found = told(frame)
        order = np.arange(len(self.codes))
        if not ordered:
            found, order = found.sort("region"), np.argsort(np.array(self.codes))
        assert found.get_column("region").equals(pl.Series("region", self.codes).gather(order))
        for target in TARGETS:
            verdicts = found.get_column(f"{target}__verdict").cast(pl.Enum(VERDICTS)).to_physical().to_numpy()
            wrong = np.flatnonzero(verdicts != self.verdicts[target][order])
            assert not wrong.size, (target, self.codes[order[wrong[0]]], found.row(int(wrong[0]), named=True))
            cells = found.get_column(f"{target}__value")
            assert cells.dtype == pl.Float64
            assert not cells.is_nan().any()
            mine, theirs = cells.to_numpy(), self.values[target][order]
            differ = np.flatnonzero((mine != theirs) & ~(np.isnan(mine) & np.isnan(theirs)))
            for place in differ.tolist():
                # Only numbers that no double holds are rounded before they are divided.
                pair = self.pairs[target][order[place]]
                assert pair is not None
                assert max(pair) > 2**53
                assert mine[place] == float(pair[0]) / float(pair[1])


def assert_same(
    truth: Truth,
    rendering: Rendering,
    folder: Path,
    expected: Mapping[str, list[dict[str, Any]]],
    each: Each | None,
    *,
    seed: int,
    alone: str | None = None,
    wide: bool = False,
) -> None:
    """Evaluate one form of a table by every level, as rows and as frames, and compare all that is said.

    Args:
        truth: The table.
        rendering: Its form.
        folder: For files.
        expected: What the oracle says of regions, by level.
        each: What it says of communities by themselves, if they are to be compared.
        seed: Of what the form leaves open.
        alone: A level to evaluate by once more, without the others.
        wide: Whether sums may need more than 64 bits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = rendering.make(truth, np.random.default_rng(seed), folder)
    with rendering.setting(wide=wide):
        result = PLAN.evaluate(data, by=LEVELS, targets="main")
        assert_rows(result.rows, expected, LEVELS)
        for level in LEVELS:
            assert_wide(result.wide(level), expected[level])
        whole = PLAN.evaluate(data, targets="main")
        assert_wide(whole.wide(), expected["total"])
        assert_rows(whole.rows, expected, ["total"])
        if each is not None:
            communities = PLAN.evaluate(data, by="community", targets="main")
            each.assert_said_by(communities.wide("community"), ordered=rendering.ordered)
            if "community" in expected:
                assert_rows(communities.rows, expected, ["community"])
        if alone is not None:
            assert_rows(PLAN.evaluate(data, by=alone, targets="main").rows, expected, [alone])


# -- a million rows ------------------------------------------------------------------------------------------

FAST = [
    rendering
    for name, rendering in RENDERINGS.items()
    if not rendering.without_polars and "objects" not in name and not name.startswith("CSV")
]
SLOW = [rendering for rendering in RENDERINGS.values() if rendering not in FAST]
ROWS, FEWER = 48_000, 6_000
SHAPES: list[dict[str, Any]] = [
    {"township": 200, "wild": 0.0, "off": 0.0},
    {"township": 200, "missing": 0.01, "shuffled": True},
    {"township": 100, "unsaid": 0.2},
    {"township": 200, "missing": 0.5, "unsaid": 0.5},
    {"township": 150, "wild": 0.0, "off": 1.0, "shuffled": True},
    {"township": 200, "missing": 0.0005, "wild": 0.0, "off": 0.3},
    {"township": 200, "silent": ("activity_area", "residents"), "unsaid": 0.0},
]


@attrs.frozen
class Table:
    """One of the large tables, and the forms that it is evaluated in."""

    seed: int
    rows: int
    shape: dict[str, Any]
    forms: tuple[str, ...]

    @property
    def truth(self) -> Truth:
        grains = [RENDERINGS[form].grain for form in self.forms if form in RENDERINGS]
        return make_truth(self.seed, self.rows, grain=max(grains), **self.shape)


def tables() -> list[Table]:
    """Return the large tables: every form has its turn, those of one grain together."""
    found: list[Table] = []
    for grain in (1, 625, 10_000):
        for forms, rows, size in ((FAST, ROWS, 2), (SLOW, FEWER, 1)):
            names = [form.name for form in forms if form.grain == grain]
            for start in range(0, len(names), size):
                number = len(found)
                shape = SHAPES[number % len(SHAPES)]
                found.append(Table(1000 + number, rows, shape, tuple(names[start : start + size])))
    return found


TABLES = tables()


def test_there_are_a_million_rows_and_every_form_is_among_them() -> None:
    """What each of the next tests evaluates, added up."""
    assert sum(table.rows for table in TABLES) >= 1_000_000
    assert {form for table in TABLES for form in table.forms} == set(RENDERINGS)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: " & ".join(table.forms))
def test_engines_say_of_large_tables_what_fractions_say(table: Table, tmp_path: Path) -> None:
    """Value, bounds, reporting share, verdict and all else, of every region and of every community."""
    truth = table.truth
    assert truth.rows == table.rows
    columns = truth.columns()
    expected = oracle.evaluate_columns(columns, "township")
    each = Each.of(columns) if table.rows == ROWS else None  # few communities have their own rows, further below
    for number, form in enumerate(table.forms):
        assert_same(truth, RENDERINGS[form], tmp_path / str(number), expected, each, seed=table.seed)


def test_the_tables_lie_at_every_limit() -> None:
    """Each target's value, least and most are met exactly, and missed by what one quantum makes."""
    exact, least, most, close = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for shape in [*SHAPES[:5], *({**few, "rows": 1_200} for few in (FEW[0], FEW[2]))]:
        found = oracle.evaluate_columns(make_truth(7, **{"rows": 6_000, **shape}).columns(), "township")
        for indicator in oracle.INDICATORS:
            rows = [row for rows in found.values() for row in rows if row["target"] == indicator.id]
            exact[indicator.id] += sum(row["value"] == indicator.target for row in rows)
            least[indicator.id] += sum(row["lower"] == indicator.target != row["upper"] for row in rows)
            most[indicator.id] += sum(row["upper"] == indicator.target != row["lower"] for row in rows)
            close[indicator.id] += sum(row["shortfall"] == indicator.quantum for row in rows)
    for target in TARGETS:
        assert exact[target] >= 3, target
        assert close[target] >= 3, target
    assert sum(least.values()) > 100
    assert sum(most.values()) > 100
    even = oracle.evaluate_columns(make_truth(7, 6_000, **SHAPES[0]).columns(), "county")
    assert sum(row["gap"] == 0 for row in (*even["total"], *even["city"], *even["county"])) > 40


# -- few rows, every form, every level --------------------------------------------------------------------------

FEW: list[dict[str, Any]] = [
    {"rows": 240, "township": 4, "missing": 0.3, "unsaid": 0.3},
    {"rows": 300, "township": 20, "missing": 0.02, "shuffled": True},
    {"rows": 240, "township": 2, "missing": 0.5, "shuffled": True, "unsaid": 0.0},
    {"rows": 260, "township": 1, "missing": 0.1, "unsaid": 0.8},
    {"rows": 260, "township": 26, "silent": ("households", "social_workers", "comprehensive_service_count")},
    {"rows": 240, "township": 12, "wild": 0.0, "off": 0.5},
]


@pytest.mark.parametrize(("number", "name"), list(enumerate(RENDERINGS)), ids=list(RENDERINGS))
def test_every_form_of_a_table_says_what_fractions_say(number: int, name: str, tmp_path: Path) -> None:
    """By levels alone and all at once, communities in all their fields."""
    rendering = RENDERINGS[name]
    truth = make_truth(100 + number, grain=rendering.grain, **FEW[number % len(FEW)])
    columns = truth.columns()
    expected = oracle.evaluate_columns(columns, "community")
    alone = LEVELS[number % len(LEVELS)]
    assert_same(truth, rendering, tmp_path, expected, Each.of(columns), seed=number, alone=alone)


@pytest.mark.parametrize("name", [name for name, rendering in RENDERINGS.items() if rendering.large])
def test_the_largest_amounts_are_added_up_and_compared_exactly(name: str, tmp_path: Path) -> None:
    """2^50 quanta in a cell, sums beyond 2^53, products beyond 2^63."""
    rendering = RENDERINGS[name]
    truth = make_truth(list(RENDERINGS).index(name), 60, township=6, missing=0.05, large=True)
    assert max(int(cells.max()) for cells in truth.amounts.values()) == MOST
    columns = truth.columns()
    expected = oracle.evaluate_columns(columns, "community")
    assert_same(truth, rendering, tmp_path, expected, Each.of(columns), seed=1, wide=True)


@pytest.mark.parametrize("shape", FEW, ids=lambda shape: f"townships of {shape['township']}")
def test_the_oracle_says_the_same_in_bulk_as_row_by_row(shape: dict[str, Any]) -> None:
    """Its two forms: cells of text one by one, and columns of quanta."""
    columns = make_truth(11, **shape).columns()
    text = {
        name: [
            "" if cell is None else f"{cell // 10_000}.{cell % 10_000:04d}" if name in AREAS else str(cell)
            for cell in cells
        ]
        for name, cells in columns.items()
    }
    rows = [dict(zip(text, cells, strict=True)) for cells in zip(*text.values(), strict=True)]
    bulk = oracle.evaluate_columns(columns, "community")
    for level in bulk:
        assert bulk[level] == oracle.evaluate_tables(rows, None, None, None if level == "total" else level)
    own = oracle.judge_each(columns)
    for place, code in enumerate(columns["code"]):
        for row in (row for row in bulk["community"] if row["region"] == code):
            values, verdicts = own[row["target"]]
            assert row["value"] == (None if values[place] is None else Fraction(*values[place]))
            assert row["verdict"] == verdicts[place]


# -- what no sum may hide ------------------------------------------------------------------------------------

WORKERS = "social-workers-per-resident"
Make = Callable[[pl.DataFrame], Any]
KINDS: dict[str, Make] = {
    "polars": lambda frame: frame,
    "polars lazy": lambda frame: frame.lazy(),
    "pandas": lambda frame: frame.to_pandas(),
    "pandas arrow": lambda frame: frame.to_pandas(use_pyarrow_extension_array=True),
    "pyarrow": lambda frame: frame.to_arrow(),
    "DuckDB": lambda frame: duckdb.connect().from_arrow(frame.to_arrow()),
    "pandas, without polars": lambda frame: frame.to_pandas(),
    "pandas arrow, without polars": lambda frame: frame.to_pandas(use_pyarrow_extension_array=True),
    "pyarrow, without polars": lambda frame: frame.to_arrow(),
    "polars, compiled": lambda frame: frame,
    "pandas, compiled": lambda frame: frame.to_pandas(),
    "pyarrow, compiled": lambda frame: frame.to_arrow(),
}
"""Every kind of frame that has types, beside those of Spark."""


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes a kind of frame of a polars frame, for as long as its engine is to be had."""
    with contextlib.ExitStack() as stack:
        if request.param.endswith("without polars"):
            stack.enter_context(without("polars"))
        if request.param.endswith("compiled"):
            stack.enter_context(compiled(8, loops=0, sums=0))
        yield KINDS[request.param]


def every_kind(test: Callable[..., None]) -> Any:
    """Run a test with every kind of frame."""
    return pytest.mark.parametrize("kind", KINDS, indirect=True)(test)


def workers_table(residents: Sequence[int], dtype: Any) -> pl.DataFrame:
    """Return communities of two counties in turn, each with one social worker."""
    rows = len(residents)
    codes = [f"41140{2 + row % 2}{1 + row // 1800:03d}{1 + row // 2 % 900:03d}" for row in range(rows)]
    return pl.DataFrame(
        {"code": codes, "residents": pl.Series(residents, dtype=dtype), "social_workers": pl.Series([1] * rows)}
    )


def assert_sums_do_not_wrap(kind: Make) -> None:
    most = 2_000_000_000
    table = kind(workers_table([most] * 4, pl.Int32))
    for by, denominators in ((None, [4 * most]), ("county", [2 * most] * 2)):
        rows = PLAN.evaluate(table, by=by, targets=WORKERS).rows
        assert [row.denominator for row in rows] == denominators
        assert {row.value for row in rows} == {Fraction(1000, most)}


@every_kind
def test_sums_of_short_integers_do_not_wrap(kind: Make) -> None:
    """Four communities of 2 · 10^9 residents in 32 bits are 8 · 10^9, which 32 bits cannot say."""
    assert_sums_do_not_wrap(kind)


def assert_larger_sums_are_refused(kind: Make) -> None:
    fits = kind(workers_table([MOST] * (2**13 - 1) + [MOST - 1], pl.Int64))
    (row,) = PLAN.evaluate(fits, targets=WORKERS).rows
    assert row.denominator == 2**63 - 1
    beyond = kind(workers_table([MOST] * 2**13, pl.Int64))
    with pytest.raises(SumOverflowError):
        PLAN.evaluate(beyond, targets=WORKERS)
    assert {row.denominator for row in PLAN.evaluate(beyond, by="county", targets=WORKERS).rows} == {2**62}


@every_kind
def test_a_sum_that_64_bits_hold_is_exact_and_a_larger_one_is_refused(kind: Make) -> None:
    """2^13 communities of 2^50 residents are 2^63, one more than there is room for: an error, and never a number."""
    assert_larger_sums_are_refused(kind)


def assert_digits_are_refused(kind: Make) -> None:
    digits = workers_table([1, 2], pl.Int64).with_columns(pl.col("residents").cast(pl.String))
    for by in (None, "county", "community"):
        with pytest.raises(ColumnTypeError, match="expected numbers") as caught:
            PLAN.evaluate(kind(digits), by=by, targets=WORKERS)
        assert caught.value.place is not None
        assert caught.value.place.column == "residents"


@every_kind
def test_digits_in_a_column_of_text_are_no_numbers(kind: Make) -> None:
    """A column with a type is taken at its word: texts add up to longer texts."""
    assert_digits_are_refused(kind)


def test_spark_says_what_fractions_say(spark: Any, tmp_path: Path) -> None:
    """As every other form, and as every other kind of frame; in one test, because a session is dear."""
    set_ansi(spark, ansi=True)
    for number, rendering in enumerate(spark_renderings(spark)):
        truth = make_truth(900, grain=rendering.grain, **FEW[number])
        columns = truth.columns()
        expected = oracle.evaluate_columns(columns, "community")
        assert_same(truth, rendering, tmp_path, expected, Each.of(columns), seed=900)

    def make(frame: pl.DataFrame) -> Any:
        return to_spark(spark, frame, ansi=True)

    assert_sums_do_not_wrap(make)
    assert_larger_sums_are_refused(make)
    assert_digits_are_refused(make)


BY = st.sampled_from([None, "city", "county", "township", "community"])


def assert_parts_merge(seed: int, by: str | None, random: Any, *special: Rendering) -> None:
    """Cut a table anyhow, tally each part by itself in another form, and judge what they come to."""
    truth = make_truth(seed, 72, township=12, missing=0.1, unsaid=0.5, shuffled=True, grain=10_000)
    cuts = sorted(random.sample(range(1, truth.rows), random.randint(1, 3)))
    tallies = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (start, end) in enumerate(itertools.pairwise([0, *cuts, truth.rows])):
            rendering = special[number] if number < len(special) else RENDERINGS[random.choice(list(RENDERINGS))]
            home = Path(folder) / str(number)
            home.mkdir()
            data = rendering.make(truth.take(slice(start, end)), np.random.default_rng(seed), home)
            with rendering.setting(by=by):
                tallies.append(PLAN.tally(data, by=by, targets="main", complete=False))
        random.shuffle(tallies)
        whole = PLAN.evaluate(frame_of(truth, np.random.default_rng(seed)), by=by, targets="main")
    assert PLAN.evaluate(cp.merge_tallies(tallies)).to_json() == whole.to_json()
    expected = oracle.evaluate_columns(truth.columns(), "community")
    assert_rows(whole.rows, expected, [by or "total"])


@given(st.integers(0, 10**6), BY, st.randoms())
@settings(max_examples=8)
def test_parts_of_any_form_merge_to_what_the_whole_says(seed: int, by: str | None, random: Any) -> None:
    """To the last byte."""
    assert_parts_merge(seed, by, random)


@given(st.integers(0, 10**6), BY, st.randoms())
@settings(max_examples=3)
def test_what_spark_tallied_merges_with_parts_of_any_form(spark: Any, seed: int, by: str | None, random: Any) -> None:
    """To the last byte."""
    set_ansi(spark, ansi=random.random() < 0.5)
    assert_parts_merge(seed, by, random, random.choice(spark_renderings(spark)))
