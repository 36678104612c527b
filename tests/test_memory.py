"""What was written for one table serves the next of its kind, and hides nothing of it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import pytest

import community_plan as cp
from community_plan.errors import CellError, ColumnTypeError, DuplicateCodeError
from community_plan.frames import native_entry
from renderings import compiled

pl = pytest.importorskip("polars")

AREA = "facility-area-per-100-households"
URBAN = "urban-facility-coverage"


def table(rows: int = 300, **columns: Any) -> Any:
    """Communities of one county in the order of their codes."""
    frame = pl.DataFrame({"code": [f"411422{100 + row // 90:03d}{201 + row % 90:03d}" for row in range(rows)]})
    made = {"households": 1_000, "comprehensive_service_area": 300.5, "comprehensive_service_count": 1}
    given = {name: pl.lit(c) if isinstance(c, int | float | str) else c for name, c in (made | columns).items()}
    return frame.with_columns(**given)


@pytest.fixture(params=["numpy", "loops"], autouse=True)
def worked_by(request: pytest.FixtureRequest) -> Iterator[None]:
    """Everything here holds with compiled loops as well."""
    with contextlib.nullcontext() if request.param == "numpy" else compiled():
        yield


@pytest.fixture
def fresh() -> cp.Plan:
    """A plan that has seen no table."""
    return cp.load_plan("shangqiu-14fyp").with_readings({})


def late(value: Any, otherwise: Any) -> Any:
    """Return an expression with another value in one row, far down."""
    return pl.when(pl.int_range(pl.len()) == 250).then(pl.lit(value)).otherwise(pl.lit(otherwise))


def test_a_second_table_has_its_own_sums(fresh: cp.Plan) -> None:
    """Not those of the first one."""
    for households in (1_000, 2_000):
        row = fresh.evaluate(table(households=households), targets=AREA).row(AREA)
        assert row.value == Fraction(3005, 10) / Fraction(households, 100)


@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_what_was_written_for_a_first_table_is_not_written_again(
    fresh: cp.Plan, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second one of its kind has its own cells, and needs no entry of its own."""
    frame = table() if order == "sorted" else table().sample(fraction=1, shuffle=True, seed=3)
    expected = fresh.evaluate(frame, targets=AREA).rows

    def entered(_: Any) -> Any:
        raise AssertionError("the table was entered anew")

    monkeypatch.setattr(native_entry._Entry, "run", entered)
    assert fresh.evaluate(frame.clone(), targets=AREA).rows == expected
    with pytest.raises(AssertionError):
        fresh.evaluate(frame.with_columns(households=1_000.0), targets=AREA)


@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_a_code_that_stands_twice_is_found_in_a_second_table_too(fresh: cp.Plan, order: str) -> None:
    """Whether the order of the rows shows it or codes have to be counted."""
    good = table() if order == "sorted" else table().sample(fraction=1, shuffle=True, seed=3)
    fresh.evaluate(good, targets=AREA)
    bad = pl.concat([good[:-1], good[:1]]) if order == "shuffled" else pl.concat([good[:1], good[:-1]])
    with pytest.raises(DuplicateCodeError):
        fresh.evaluate(bad, targets=AREA)


def test_what_is_wrong_in_a_second_table_is_told_with_its_row(fresh: cp.Plan) -> None:
    """A negative number, one that is too fine, a word that is no category."""
    words = {"setting": "urban", "county_kind": "county"}
    fresh.evaluate(table(**words), targets=[AREA, URBAN])
    for name, expression in {
        "households": late(-1, 1_000),
        "comprehensive_service_area": late(30.00001, 300.5),
        "setting": late("elsewhere", "urban"),
    }.items():
        with pytest.raises(CellError) as caught:
            fresh.evaluate(table(**{**words, name: expression}), targets=[AREA, URBAN])
        assert (caught.value.place.row, caught.value.place.column) == (251, name)


@pytest.mark.parametrize(
    "odd", ["41142210125", " 411422101250", "411422101250.0", "４１１４２２１０１２５０", "", None]
)
def test_a_code_that_is_no_code_in_a_second_table_is_told_with_its_row(fresh: cp.Plan, odd: str | None) -> None:
    """Codes are read as numbers of twelve digits as long as they are such."""
    fresh.evaluate(table(), targets=AREA)
    codes = table()["code"].to_list()
    with pytest.raises(CellError) as caught:
        fresh.evaluate(table().with_columns(code=pl.Series([*codes[:250], odd, *codes[251:]])), targets=AREA)
    assert (caught.value.place.row, caught.value.place.column) == (251, "code")


@pytest.mark.parametrize("by", [None, "county", "township"])
def test_a_second_table_in_no_order_is_added_up_as_if_it_were_in_order(fresh: cp.Plan, by: str | None) -> None:
    """Its regions come in their order, with their own sums."""
    numbers = table(households=pl.int_range(1_000, 1_300))
    expected = fresh.evaluate(numbers, targets=AREA, by=by).rows
    for seed in (1, 2):
        assert fresh.evaluate(numbers.sample(fraction=1, shuffle=True, seed=seed), targets=AREA, by=by).rows == expected


def test_tables_that_are_evaluated_at_once_do_not_get_in_each_others_way(fresh: cp.Plan) -> None:
    """Eight threads, each with tables of its own, from the first one on."""

    def evaluate(plan: cp.Plan, seed: int) -> Any:
        frame = table(900, households=pl.int_range(seed, seed + 900))
        return plan.evaluate(frame, targets=AREA, by="township").rows

    seeds = range(1_000, 1_040)
    expected = [evaluate(fresh, seed) for seed in seeds]
    again = cp.load_plan("shangqiu-14fyp").with_readings({})
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(functools.partial(evaluate, again), seeds)) == expected


def test_holes_and_other_words_of_a_second_table_count(fresh: cp.Plan) -> None:
    """They open bounds, and are other communities, as in a first one."""
    first = fresh.evaluate(table(setting="urban"), targets=[AREA, URBAN])
    assert {row.reporting_share for row in first} == {1}
    holes = fresh.evaluate(table(setting="urban", households=late(None, 1_000)), targets=AREA)
    assert holes.row(AREA).reporting_share == Fraction(299, 300)
    words = fresh.evaluate(table(setting=late("农村", "城市")), targets=URBAN)
    assert words.row(URBAN).denominator == 299


def test_a_column_that_was_empty_once_is_looked_at_again(fresh: cp.Plan) -> None:
    """Numbers are no words, even if there were none in the first table."""
    fresh.evaluate(table(setting=pl.lit(None, dtype=pl.Float64)), targets=URBAN)
    with pytest.raises(ColumnTypeError):
        fresh.evaluate(table(setting=1.5), targets=URBAN)


@pytest.mark.parametrize("form", ["polars", "pandas", "arrow"])
def test_what_is_seen_of_communities_holds_for_the_regions_asked_for_with_them(fresh: cp.Plan, form: str) -> None:
    """Rows are looked at once: what is wrong is told as ever, what is to be noted is noted once."""
    changed = {"polars": lambda frame: frame, "pandas": lambda frame: frame.to_pandas(), "arrow": pl.DataFrame.to_arrow}
    by = ["county", "community"]
    acres = table().rename({"comprehensive_service_area": "综合服务设施面积(亩)"})
    for _ in range(3):
        both = fresh.evaluate(changed[form](acres), by=by, targets=AREA)
        county = fresh.evaluate(changed[form](acres), by="county", targets=AREA)
        assert both.notes == county.notes
        assert [note.count for note in both.notes if note.code == "rounded"] == [300]
        assert both.row(AREA, region="411422").value == county.row(AREA).value
        with pytest.raises(CellError, match="got -1"):
            fresh.evaluate(changed[form](table(households=late(-1, 1_000))), by=by, targets=AREA)


def test_a_pandas_result_shares_no_memory_with_the_users_columns(fresh: cp.Plan) -> None:
    """Nothing is copied on the way out; still nobody's numbers change when the result's do."""
    frame = table(households=late(None, 1_000)).with_columns(year=pl.lit(2024.0)).to_pandas()
    kept = frame.copy(deep=True)
    wide = fresh.evaluate(frame, by=["year", "county", "community"], targets=AREA).wide("community")
    assert wide[f"{AREA}__value"].isna().sum() == 1
    for name in wide.columns:
        wide.loc[:, name] = wide[name].iloc[::-1].to_numpy()
    assert frame.equals(kept)


@pytest.mark.parametrize("level", [None, "county", "community"])
def test_verdicts_have_one_type_in_each_library_at_every_level(fresh: cp.Plan, level: str | None) -> None:
    """However a frame came about: from rows of Python, from sums, or community by community."""
    words = ["unknown", "met", "not_met"]
    asked = {"polars": table(), "pandas": table().to_pandas(), "pyarrow": table().to_arrow()}
    by = ["county", "community"] if level else None
    wide = {name: fresh.evaluate(frame, by=by, targets=AREA).wide(level) for name, frame in asked.items()}
    assert wide["polars"].schema[f"{AREA}__verdict"] == pl.Enum(words)
    assert wide["pandas"][f"{AREA}__verdict"].cat.categories.tolist() == words
    assert str(wide["pyarrow"].schema.field(f"{AREA}__verdict").type).startswith(
        "dictionary<values=string, indices=int8"
    )
    expected = wide["polars"][f"{AREA}__verdict"].cast(pl.String).to_list()
    assert set(expected) == {"met"}
    assert wide["pandas"][f"{AREA}__verdict"].tolist() == expected
    assert wide["pyarrow"].column(f"{AREA}__verdict").to_pylist() == expected
