"""What the tests of tallies share: made-up communities of two counties, and files with something changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

import community_plan as cp

AREA = "facility-area-per-100-households"
RURAL = "rural-facility-coverage"


def places(*codes: str, area: float = 30.0, **columns: Any) -> pl.DataFrame:
    """Make communities of 100 households and 30 m² each; more columns are the same in all of them."""
    frame = pl.DataFrame({"code": list(codes), "households": 100, "comprehensive_service_area": area})
    return frame.with_columns(**{name: pl.lit(value) for name, value in columns.items()})


SUI = places("411422001201", "411422001202", "411422100203")
YONG = places("411481001001", "411481001002", area=40.0)


def changed(path: Path, tally: cp.Tally, change: Callable[[dict[str, Any]], object]) -> Path:
    """Write a tally with something changed in its JSON."""
    data = json.loads(tally.to_json())
    change(data)
    path.write_text(json.dumps(data), "utf-8")
    return path
