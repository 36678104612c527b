"""Law: whatever the table, the library says what an independent computation in fractions says."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import community_plan as cp
from oracle import FIELDS, evaluate_folder, evaluate_tables
from strategies import Row, registers, wide_tables

PLAN = cp.load_plan("shangqiu-14fyp")
LEVELS = st.sampled_from([None, "city", "county", "township", "community"])
HEADERS = {
    "facilities": ["community", "kind", "floor_area", "activity_area"],
    "workforce": ["region", "role", "headcount"],
}


def ours(result: cp.Result) -> list[dict[str, Any]]:
    """Return what the two sides share of the library's rows."""
    return [{name: row[name] for name in FIELDS} for row in result.to_dicts()]


@contextmanager
def folder_of(**tables: Sequence[Row]) -> Iterator[Path]:
    """Write tables as CSV files."""
    with tempfile.TemporaryDirectory() as name:
        for table, rows in tables.items():
            with (Path(name) / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]) if rows else HEADERS[table])
                writer.writeheader()
                writer.writerows(rows)
        yield Path(name)


def assert_same(mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    """Compare row by row, so that a difference shows where it is."""
    assert [(row["region"], row["target"]) for row in mine] == [(row["region"], row["target"]) for row in theirs]
    for one, other in zip(mine, theirs, strict=True):
        assert one == {name: other[name] for name in FIELDS}


@settings(max_examples=200)
@given(wide_tables(), LEVELS)
def test_wide_tables_are_judged_as_the_oracle_judges_them(rows: list[Row], by: str | None) -> None:
    """Values, bounds, shares and verdicts, with nulls, zeros and exact limits."""
    with folder_of(communities=rows) as folder:
        result = PLAN.evaluate(folder, by=by, targets="main")
    assert_same(ours(result), evaluate_tables(rows, None, None, by))


@settings(max_examples=200)
@given(registers(), LEVELS)
def test_registers_are_judged_as_the_oracle_judges_them(tables: tuple[list[Row], ...], by: str | None) -> None:
    """Facilities and workforce are reduced to the communities, people of larger regions included."""
    communities, facilities, workforce = tables
    with folder_of(communities=communities, facilities=facilities, workforce=workforce) as folder:
        result = PLAN.evaluate(folder, by=by, targets="main")
    assert_same(ours(result), evaluate_tables(communities, facilities, workforce, by))


@pytest.mark.parametrize("by", ["city", "county", "township"])
def test_the_sample_is_judged_as_the_oracle_judges_it(
    sample: Path, by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through the command line and its JSON, row by row."""
    from community_plan.cli import run

    assert run(["evaluate", str(sample), "--by", by, "--target", "main", "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    numbers = FIELDS[2:10]
    read = [{n: Fraction(row[n]) if n in numbers and row[n] is not None else row[n] for n in FIELDS} for row in printed]
    assert_same(read, evaluate_folder(sample, by))
