"""pandas by hand: masked columns, then one group-by over all of them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .ten import TEN, Answers, answers


def read(paths: list[str]) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(path, engine="pyarrow") for path in paths], ignore_index=True)


def pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns to be summed: each numerator and denominator where both are reported."""
    urban, rural = frame["setting"] == "urban", frame["setting"] == "rural"
    district = frame["county_kind"] == "district"
    county = frame["county_kind"].isin(["county", "county_city"])
    facilities, terminals = frame["comprehensive_service_count"], frame["self_service_terminal_count"]
    workers, service = frame["social_workers"], frame["comprehensive_service_area"]
    found = {}

    def ratio(number: int, above: pd.Series, below: pd.Series) -> None:
        found[f"n{number}"] = above.where(below.notna())
        found[f"d{number}"] = below.where(above.notna())

    def share(number: int, mask: pd.Series, count: pd.Series) -> None:
        found[f"n{number}"] = (mask & (count >= 1)).astype("float64")
        found[f"d{number}"] = (mask & count.notna()).astype("float64")

    def mean(number: int, mask: pd.Series) -> None:
        found[f"n{number}"] = workers.where(mask)
        found[f"d{number}"] = (mask & workers.notna()).astype("float64")

    share(1, rural, facilities)
    share(2, urban, facilities)
    ratio(3, frame["commercial_area"] + service, frame["gross_floor_area"])
    ratio(4, service, frame["households"])
    ratio(5, frame["activity_area"], service)
    share(6, urban, terminals)
    ratio(7, workers, frame["residents"])
    mean(8, district)
    mean(9, county)
    ratio(10, frame["community_workers"], frame["urban_residents"])
    return pd.DataFrame(found, copy=False)


def judged(sums: pd.DataFrame) -> pd.DataFrame:
    found = {}
    for number, row in enumerate(TEN, start=1):
        value = row.scale * sums[f"n{number}"] / sums[f"d{number}"]
        found[f"v{number}"] = value
        found[f"m{number}"] = value > row.target if row.op == ">" else value >= row.target
    return pd.DataFrame(found, copy=False)


def evaluate(frame: pd.DataFrame, by: str | None) -> pd.DataFrame:
    terms = pairs(frame)
    if by == "community":
        result = judged(terms)
        result.insert(0, "code", frame["code"])
        return result
    if by is None:
        return judged(terms.sum().to_frame().T)
    return judged(terms.groupby(frame[by], sort=False).sum())


def together(frame: pd.DataFrame) -> list[pd.DataFrame]:
    return [evaluate(frame, by) for by in ("city", "county", "township", "community")]


def read_answers(result: pd.DataFrame, by: Any) -> Answers:
    if by is not None and by not in result.columns:
        result = result.reset_index(names=by)
    return answers(result.to_dict("list"), by)
