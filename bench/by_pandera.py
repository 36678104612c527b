"""pandera: the row rules that the library checks before it counts, as a schema for polars frames."""

from __future__ import annotations

from typing import Any

import pandera.polars as pa
import polars as pl

COUNTS = ("households", "residents", "urban_residents", "comprehensive_service_count", "self_service_terminal_count",
          "community_workers", "social_workers")  # fmt: skip
AREAS = ("gross_floor_area", "comprehensive_service_area", "activity_area", "commercial_area")
PARTS = (
    ("urban_residents", "residents"),
    ("comprehensive_service_area", "gross_floor_area"),
    ("activity_area", "comprehensive_service_area"),
    ("commercial_area", "gross_floor_area"),
)


def _four_places(data: Any) -> pl.LazyFrame:
    number = pl.col(data.key)
    return data.lazyframe.select(number.round(4) == number)


def _at_most(part: str, whole: str) -> pa.Check:
    def check(data: Any) -> pl.LazyFrame:
        return data.lazyframe.select((pl.col(part) <= pl.col(whole)).fill_null(True))

    return pa.Check(check, name=f"{part} is at most {whole}")


SCHEMA = pa.DataFrameSchema(
    {
        "code": pa.Column(pl.String, pa.Check.str_matches(r"^[1-9][0-9]{11}$"), unique=True),
        "setting": pa.Column(pl.String, pa.Check.isin(["urban", "rural"]), nullable=True),
        "county_kind": pa.Column(pl.String, pa.Check.isin(["district", "county", "county_city"]), nullable=True),
        **{name: pa.Column(pl.Int64, pa.Check.ge(0), nullable=True) for name in COUNTS},
        **{
            name: pa.Column(pl.Float64, [pa.Check.ge(0.0), pa.Check(_four_places, name="four places")], nullable=True)
            for name in AREAS
        },
    },
    checks=[_at_most(part, whole) for part, whole in PARTS],
)


def check(frame: pl.DataFrame) -> int:
    """Return how many faults are found."""
    try:
        SCHEMA.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as faults:
        return len(faults.schema_errors)
    return 0


def with_faults(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the data with faults in many rows: each kind in about one row of a hundred."""
    row = pl.int_range(pl.len())
    return frame.with_columns(
        pl.when(row % 100 == 1).then(-1).otherwise(pl.col("households")).alias("households"),
        pl.when(row % 100 == 2).then(0.00001).otherwise(pl.col("gross_floor_area")).alias("gross_floor_area"),
        pl.when(row % 100 == 3).then(10**7).otherwise(pl.col("urban_residents")).alias("urban_residents"),
        pl.when(row % 100 == 4).then(pl.lit("suburban")).otherwise(pl.col("setting")).alias("setting"),
    )
