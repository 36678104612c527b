"""Dask: a frame that narwhals has collected, and parts of one that are tallied where they are."""

from __future__ import annotations

from typing import Any

import dask
import dask.dataframe
import pandas as pd
import polars as pl
import pytest

import community_plan as cp
from sql_tables import AREA, many

pytestmark = pytest.mark.filterwarnings(
    # narwhals' own word for what it means to do; until then it carries these frames.
    "ignore:Dask support is moving out of Narwhals:FutureWarning"
)


def to_dask(frame: pl.DataFrame, parts: int) -> dask.dataframe.DataFrame:
    """Make a lazy frame of some partitions."""
    return dask.dataframe.from_pandas(frame.to_pandas(), npartitions=parts)


def test_a_dask_frame_is_evaluated_by_every_level(plan: cp.Plan) -> None:
    frame = many(900)
    by = ["county", "township", "community"]
    found = plan.evaluate(to_dask(frame, 4), by=by, targets=AREA)
    assert found.to_json() == plan.evaluate(frame, by=by, targets=AREA).to_json()
    wide = found.wide("community")
    assert isinstance(wide, pd.DataFrame)
    assert len(wide) == len(frame)


def test_only_the_columns_that_are_needed_are_collected(plan: cp.Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else a table holds may be larger than memory."""
    collected: list[set[str]] = []
    compute = dask.dataframe.DataFrame.compute

    def recorded(self: Any, *given: Any, **named: Any) -> Any:
        collected.append(set(self.columns))
        return compute(self, *given, **named)

    monkeypatch.setattr(dask.dataframe.DataFrame, "compute", recorded)
    plan.evaluate(to_dask(many(300).with_columns(photo=pl.lit("…")), 2), targets=AREA)
    assert collected
    assert all(columns == {"code", "households", "comprehensive_service_area"} for columns in collected)


def test_tallies_that_dask_makes_of_partitions_add_up_to_the_whole(plan: cp.Plan) -> None:
    """On whatever machine each of them is made: a tally travels as any value does."""
    frame = many(900)
    parts = [
        dask.delayed(plan.tally)(part, by="township", targets=AREA, complete=False)
        for part in to_dask(frame, 5).to_delayed()
    ]
    merged = cp.merge_tallies(dask.compute(*parts, scheduler="processes", num_workers=2)).as_complete()
    whole = plan.tally(frame, by="township", targets=AREA)
    assert plan.evaluate(merged).to_json() == plan.evaluate(whole).to_json()


def test_a_fault_in_a_dask_frame_names_its_row(plan: cp.Plan) -> None:
    frame = many(300).with_columns(
        households=pl.when(pl.int_range(300) == 200).then(-1).otherwise(pl.col("households"))
    )
    with pytest.raises(cp.DataError, match="row 201") as caught:
        plan.evaluate(to_dask(frame, 3), targets=AREA)
    assert "-1" in str(caught.value)
