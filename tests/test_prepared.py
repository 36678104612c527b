"""Data that are read once answer every question as data that are read for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import community_plan as cp
from community_plan.errors import CellError, DataError, MissingColumnError

pytest.importorskip("numpy")
pl = pytest.importorskip("polars")
pytest.importorskip("pandas")
duckdb = pytest.importorskip("duckdb")

from bench import data  # noqa: E402

LEVELS = ("city", "county", "township", "community")
AREA = "facility-area-per-100-households"
CON = duckdb.connect()
FORMS: dict[str, Callable[[Any], Any]] = {
    "polars": lambda frame: frame,
    "polars lazy": lambda frame: frame.lazy(),
    "pandas": lambda frame: frame.to_pandas(),
    "pandas arrow": lambda frame: frame.to_pandas(use_pyarrow_extension_array=True),
    "pyarrow": lambda frame: frame.to_arrow(),
    "DuckDB": lambda frame: CON.from_arrow(frame.to_arrow()),
}


@pytest.fixture(scope="module")
def frame() -> Any:
    """A table that polars evaluates by all cores, with holes, in two pieces."""
    made = pl.from_arrow(data.table(data.Spec(70_000)))
    return pl.concat([made[:30_000], made[30_000:]], rechunk=False)


def same(one: Any, other: Any) -> bool:
    """Compare frames of any library, line by line."""

    def lines(made: Any) -> Any:
        made = made.collect() if isinstance(made, pl.LazyFrame) else made
        made = made.pl() if isinstance(made, duckdb.DuckDBPyRelation) else made
        made = made if isinstance(made, pl.DataFrame) else pl.DataFrame(made)
        texts = [name for name in made.columns if not name.endswith("__value")]
        return made.with_columns(pl.col(texts).cast(pl.String)).sort("region").rows()

    return lines(one) == lines(other)


@pytest.mark.parametrize("form", FORMS)
def test_every_question_gets_the_rows_of_data_as_they_came(plan: cp.Plan, frame: Any, form: str) -> None:
    """By every level, for one target and in another reading: equal in every field."""
    given = FORMS[form](frame[:600])
    ready = plan.prepare(given, targets="main")
    assert ready.levels == LEVELS
    for by in (None, "city", ["county", "township"], "community"):
        result = plan.evaluate(ready, by=by)
        assert result == plan.evaluate(given, by=by, targets="main")
    assert plan.evaluate(ready, by="county", targets=AREA) == plan.evaluate(given, by="county", targets=AREA)
    other = {"reading": {"A02": "as-printed"}, "by": "county"}
    assert plan.evaluate(ready, **other) == plan.evaluate(given, targets="main", **other)
    assert plan.tally(ready, by="county") == plan.tally(given, by="county", targets="main")


@pytest.mark.parametrize("form", FORMS)
def test_frames_of_values_and_verdicts_are_those_of_data_as_they_came(plan: cp.Plan, frame: Any, form: str) -> None:
    """For a large table, too; and in the user's own kind."""
    given = FORMS[form](frame)
    ready = plan.evaluate(plan.prepare(given, targets="main"), by=LEVELS)
    result = plan.evaluate(given, by=LEVELS, targets="main")
    for level in LEVELS:
        assert type(ready.wide(level)) is type(result.wide(level))
        assert same(ready.wide(level), result.wide(level))


def test_many_questions_to_a_large_table_agree_with_a_table_of_objects(plan: cp.Plan, frame: Any) -> None:
    """Three engines add up three ways."""
    few = frame[:200]
    names = [field for field in cp.Community.__attrs_attrs__ if field.name in few.columns]
    rows = few.select(field.name for field in names).rows(named=True)
    objects = [cp.Community(**{name: cell for name, cell in row.items() if cell is not None}) for row in rows]
    by_objects, by_frame = plan.prepare(objects, targets="main"), plan.prepare(few, targets="main")
    for by in (None, *LEVELS):
        assert plan.evaluate(by_objects, by=by).rows == plan.evaluate(by_frame, by=by).rows


def test_registers_are_read_once_as_well(plan: cp.Plan, sample: Path) -> None:
    """The whole sample, all of its targets."""
    ready = plan.prepare(sample)
    for by in (None, "county", "township"):
        assert plan.evaluate(ready, by=by) == plan.evaluate(sample, by=by)
    assert ready.targets == tuple(plan.targets)


def test_townships_are_prepared_beside_communities(plan: cp.Plan) -> None:
    """With their names; a target of townships needs their table, and it is said which."""
    station = "social-work-station-coverage"
    communities = pl.DataFrame(
        {"code": ["411422001201", "411422002201"], "households": 100, "comprehensive_service_area": [30, None]}
    )
    townships = pl.DataFrame(
        {"code": ["411422001", "411422003"], "name": ["董店乡", "尚屯镇"], "social_work_station_count": [1, 0]}
    )
    data_ = cp.Dataset(communities=communities, townships=townships)
    for by in ("county", "township", ["county", "community"], ["township", "community"]):
        ready = plan.prepare(data_, by=by, targets=[AREA, station])
        expected = plan.evaluate(data_, by=by, targets=[station, AREA])
        assert plan.evaluate(ready, by=by) == expected
        tally = plan.tally(data_, by=by, targets=[AREA, station])
        assert plan.tally(ready, by=by) == tally
        assert plan.evaluate(tally).to_json() == expected.to_json()
    ready = plan.prepare(data_, targets=[AREA, station])
    assert plan.tally(ready, by="community").regions == ("411422001201", "411422002201"), "no township lies in one"
    assert ready.levels == LEVELS
    assert {row.region_name.zh for row in plan.evaluate(ready, by="township")} == {"董店乡", "411422002", "尚屯镇"}
    for ask in (plan.prepare, plan.evaluate, plan.tally):
        with pytest.raises(MissingColumnError, match=f"expected a townships table, needed by {station}, got none. Add"):
            ask(cp.Dataset(communities=communities), targets=[AREA, station])
    ready = plan.prepare(cp.Dataset(communities=communities), targets=AREA)
    assert ready.levels == LEVELS
    for ask in (plan.evaluate, plan.tally):
        with pytest.raises(DataError, match="Prepare the data"):
            ask(ready, by="county", targets=[AREA, station])


@pytest.mark.parametrize("backend", [None, "numpy_nullable", "pyarrow"])
def test_what_happens_to_the_frame_afterwards_changes_nothing(plan: cp.Plan, frame: Any, backend: Any) -> None:
    """Neither what was prepared, nor the rows of a result that are asked for later."""
    table = frame[:1_000].to_pandas()
    table = table if backend is None else table.convert_dtypes(dtype_backend=backend)
    ready = plan.prepare(table, targets=AREA)
    before = plan.evaluate(ready), plan.evaluate(ready, by="community").rows
    late = plan.evaluate(table, by="community", targets=AREA)
    table.loc[:, "households"] = 1
    table.loc[0, "code"] = "411481999999"
    table.loc[1, "comprehensive_service_area"] = -1.0
    assert (plan.evaluate(ready), plan.evaluate(ready, by="community").rows) == before
    assert late.rows == before[1]
    with pytest.raises(cp.DataError):
        plan.evaluate(table, targets=AREA)


def test_data_are_checked_when_they_are_prepared(plan: cp.Plan, frame: Any) -> None:
    """A fault is told then, with its row, and not when a question is asked."""
    bad = frame[:1_000].with_columns(households=pl.when(pl.int_range(pl.len()) == 700).then(-1).otherwise("households"))
    with pytest.raises(CellError) as caught:
        plan.prepare(bad, targets=AREA)
    assert (caught.value.place.row, caught.value.place.column) == (701, "households")


def test_a_question_that_was_not_prepared_for_is_told_what_to_prepare(plan: cp.Plan, frame: Any) -> None:
    """By a column, for a target, in units, for the targets of another plan."""
    ready = plan.prepare(frame[:100], by="county", targets=AREA)
    assert (ready.levels, ready.columns, ready.targets) == (("county",), (), (AREA,))
    for question in ({"by": "township"}, {"by": ["county", "year"]}, {"targets": "urban-facility-coverage"}):
        with pytest.raises(DataError, match="Prepare the data"):
            plan.evaluate(ready, **question)
    with pytest.raises(DataError, match="units"):
        plan.evaluate(ready, units={"households": "户"})
    with pytest.raises(DataError, match="Prepare the data"):
        cp.load_plan("national-14fyp").evaluate(ready, targets="main")
    for done, kind in ((ready, "Prepared"), (plan.tally(ready), "Tally")):
        with pytest.raises(DataError, match=f"expected data, got a {kind}. Evaluate it as it is"):
            plan.prepare(done)
    with pytest.raises(MissingColumnError):
        plan.prepare(frame[:100].drop("households"), targets=AREA)


def test_years_are_not_added_to_each_other(plan: cp.Plan) -> None:
    """A panel that was prepared by year is not summed over its years."""
    panel = pl.from_arrow(data.table(data.Spec(200, years=2)))
    ready = plan.prepare(panel, by=["year", "county"], targets=AREA)
    asked = ["year", "county"]
    assert plan.evaluate(ready, by=asked) == plan.evaluate(panel, by=asked, targets=AREA)
    with pytest.raises(DataError, match="more than once"):
        plan.evaluate(ready, by="county")
