"""Openings: what a table's columns are called and how its library keeps them is of no consequence, or is told."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import community_plan as cp

PLAN = cp.load_plan("shangqiu-14fyp")
AREA = "facility-area-per-100-households"
GIVEN = pl.DataFrame(
    {
        "code": ["411422001201", "411422001202", "411481001001"],
        "households": [100, 200, 300],
        "comprehensive_service_area": [30.0, 60.0, 90.3],
    }
)
COUNTIES = [("411422", 30), ("411481", cp.quantity("30.1 m2").magnitude)]


def counties(data: Any, **options: Any) -> list[tuple[str, Any]]:
    """Return the counties with their values."""
    found = PLAN.evaluate(data, targets=AREA, **{"by": "county", **options})
    return [(row.region, row.value) for row in found.rows]


# -- texts as words of a type ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pl.Categorical(), pl.Enum(GIVEN["code"].reverse())], ids=str)
def test_codes_may_be_words_of_a_categorical(kind: Any, tmp_path: Path) -> None:
    """Lazy, in a file, beside exact decimals, in any order: they are the texts that they stand for."""
    frame = GIVEN.with_columns(
        pl.col("code").cast(kind), county=pl.Series(["睢县", "睢县", "永城"]).cast(pl.Categorical)
    )
    exact = frame.with_columns(pl.col("comprehensive_service_area").cast(pl.Decimal(10, 1)))
    frame.write_parquet(tmp_path / "given.parquet")
    for data in (frame, frame.lazy(), frame.reverse().lazy(), exact, tmp_path / "given.parquet"):
        assert sorted(counties(data)) == [("永城", COUNTIES[1][1]), ("睢县", COUNTIES[0][1])]
        regions = PLAN.evaluate(data, targets=AREA, by="community").wide("community").lazy().collect()["region"]
        assert regions.dtype == pl.String
        assert sorted(regions) == GIVEN["code"].to_list()
    twice = pl.concat([frame, frame]).lazy()
    with pytest.raises(cp.errors.DuplicateCodeError):
        counties(twice)


def test_dictionaries_of_pandas_and_pyarrow_hold_codes_in_files_too(tmp_path: Path) -> None:
    """As in memory."""
    GIVEN.to_pandas().astype({"code": "category"}).to_parquet(tmp_path / "pandas.parquet")
    table = GIVEN.to_arrow()
    table = table.set_column(0, "code", table["code"].cast(pa.string()).dictionary_encode())
    pq.write_table(table, tmp_path / "pyarrow.parquet")
    for library in ("pandas", "pyarrow"):
        assert counties(tmp_path / f"{library}.parquet") == COUNTIES


# -- names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_columns_that_nobody_reads_may_be_called_alike(library: str) -> None:
    """One that is read may not: which of two is meant, nobody knows."""

    def again(*names: str) -> Any:
        if library == "pandas":
            frame = GIVEN.to_pandas()
            return pd.concat([frame, *(frame["households"].rename(name) for name in names)], axis=1)
        table = GIVEN.to_arrow()
        return functools.reduce(lambda made, name: made.append_column(name, table["households"]), names, table)

    assert counties(again("x", "x", "x")) == COUNTIES
    assert type(PLAN.evaluate(again("x", "x"), targets=AREA).wide(None)).__module__.startswith(library)
    with pytest.raises(cp.errors.AmbiguousColumnError, match="rename one of them"):
        counties(again("households"))
    with pytest.raises(cp.errors.AmbiguousColumnError, match="'x'"):
        counties(again("x", "x"), by="x")
    with pytest.raises(cp.errors.AmbiguousColumnError, match="'x'"):
        PLAN.ledger(again("x", "x"), period=2025)
