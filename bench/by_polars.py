"""polars by hand: one lazy query over a frame in memory, in floats and in exact integers."""

from __future__ import annotations

from typing import Any

import polars as pl

from .ten import TEN, Answers, answers

QUANTA = 10_000
TYPE = {False: pl.Float64, True: pl.Int64}
"""Type of the sums, exact or not: those of booleans are UInt32, whose products wrap."""


def read(paths: list[str]) -> pl.DataFrame:
    return pl.read_parquet(paths)


def whole_numbers(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return the frame with its areas as whole numbers of 0.0001 m²."""
    areas = pl.col("gross_floor_area", "comprehensive_service_area", "activity_area", "commercial_area")
    return frame.with_columns((areas * QUANTA).round().cast(pl.Int64))


def pairs(*, flags: Any = None) -> dict[str, pl.Expr]:
    """Return the columns to be summed: each numerator and denominator where both are reported.

    Booleans are summed as they are, which is the quickest; for a value in every row `flags` is the type they get.
    """
    urban, rural = pl.col("setting") == "urban", pl.col("setting") == "rural"
    district = pl.col("county_kind") == "district"
    county = (pl.col("county_kind") == "county") | (pl.col("county_kind") == "county_city")  # quicker than is_in
    facilities, terminals = pl.col("comprehensive_service_count"), pl.col("self_service_terminal_count")
    workers = pl.col("social_workers")

    def flag(mask: pl.Expr) -> pl.Expr:
        return mask if flags is None else mask.cast(flags)

    def where(mask: pl.Expr, value: pl.Expr) -> pl.Expr:
        return pl.when(mask).then(value)

    def ratio(number: int, above: pl.Expr, below: pl.Expr) -> dict[str, pl.Expr]:
        return {
            f"n{number}": where(below.is_not_null(), above),
            f"d{number}": where(above.is_not_null(), below),
        }

    def share(number: int, mask: pl.Expr, count: pl.Expr) -> dict[str, pl.Expr]:
        return {
            f"n{number}": flag(mask & (count >= 1)),
            f"d{number}": flag(mask & count.is_not_null()),
        }

    def mean(number: int, mask: pl.Expr) -> dict[str, pl.Expr]:
        return {f"n{number}": where(mask, workers), f"d{number}": flag(mask & workers.is_not_null())}

    return {
        **share(1, rural, facilities),
        **share(2, urban, facilities),
        **ratio(3, pl.col("commercial_area") + pl.col("comprehensive_service_area"), pl.col("gross_floor_area")),
        **ratio(4, pl.col("comprehensive_service_area"), pl.col("households")),
        **ratio(5, pl.col("activity_area"), pl.col("comprehensive_service_area")),
        **share(6, urban, terminals),
        **ratio(7, workers, pl.col("residents")),
        **mean(8, district),
        **mean(9, county),
        **ratio(10, pl.col("community_workers"), pl.col("urban_residents")),
    }


def judged(*, exact: bool) -> list[pl.Expr]:
    """Return values and comparisons from summed pairs."""
    found = []
    for number, row in enumerate(TEN, start=1):
        n, d = pl.col(f"n{number}"), pl.col(f"d{number}")
        value = (row.exact_scale if exact else row.scale) * n / d
        left, right = (row.exact[0] * n, row.exact[1] * d) if exact else (value, row.target)
        met = left > right if row.op == ">" else left >= right
        found += [value.alias(f"v{number}"), met.alias(f"m{number}")]
    return found


def evaluate(frame: pl.DataFrame | pl.LazyFrame, by: str | list[str] | None, *, exact: bool = False) -> pl.DataFrame:
    lazy = whole_numbers(frame.lazy()) if exact else frame.lazy()
    if by == "community":
        terms = pairs(flags=pl.Int64)
        return lazy.select("code", **terms).select("code", *judged(exact=exact)).collect()
    terms = pairs()
    if by is None:
        sums = lazy.select(term.sum().cast(TYPE[exact]).alias(name) for name, term in terms.items())
        return sums.select(*judged(exact=exact)).collect()
    keys = [by] if isinstance(by, str) else by
    chosen = lazy.select(*keys, **terms)  # masked columns first, then sums of plain columns: quicker than in one
    sums = chosen.group_by(keys).agg(pl.col(*terms).sum().cast(TYPE[exact]))
    return sums.select(*keys, *judged(exact=exact)).collect()


def together(frame: pl.DataFrame, *, exact: bool = False) -> list[pl.DataFrame]:
    return [evaluate(frame, by, exact=exact) for by in ("city", "county", "township", "community")]


def read_answers(result: pl.DataFrame, by: Any) -> Answers:
    if isinstance(by, list):
        result = result.with_columns(pl.concat_str(by, separator="/").alias("key"))
        by = "key"
    return answers(result.to_dict(as_series=False), by)
