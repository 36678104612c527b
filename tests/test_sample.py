"""What the synthetic sample is, and that it says so."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

import community_plan as cp
from community_plan.regions import county_kind_of, setting_of
from community_plan.sample import sample_tables, write_sample


def rows(sample: Path, name: str) -> list[dict[str, str]]:
    """Read a table of the sample."""
    with (sample / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_it_has_the_real_counties_and_made_up_places(sample: Path, plan: cp.Plan) -> None:
    """Eleven county units, some 200 townships, some 4,900 villages and neighbourhoods."""
    communities = rows(sample, "communities")
    assert {row["code"][:6] for row in communities} == {code for code in plan.regions if not code.endswith("00")}
    assert 190 <= len(rows(sample, "townships")) <= 210
    assert 4800 <= len(communities) <= 5000
    assert len({row["code"] for row in communities}) == len(communities)
    townships = {row["code"] for row in rows(sample, "townships")}
    assert {row["code"][:9] for row in communities} == townships
    assert all(setting_of(row["code"]) for row in communities)


def test_the_zones_declare_their_county_kind_and_nobody_else_needs_to(sample: Path) -> None:
    """It cannot be read off their code."""
    for row in rows(sample, "communities"):
        assert bool(row["county_kind"]) == (county_kind_of(row["code"]) is None)


def test_every_row_of_every_file_says_that_it_is_synthetic(sample: Path, plan: cp.Plan) -> None:
    """And so does every result that rests on one."""
    for name in sample_tables():
        assert {row["synthetic"] for row in rows(sample, name)} == {"合成数据 synthetic"}
    assert "Synthetic" in (sample / "README.txt").read_text("utf-8")
    assert "synthetic" in {note.code for note in plan.evaluate(sample).notes}


def test_it_has_missing_cells_and_communities_exactly_at_a_limit(sample: Path, plan: cp.Plan) -> None:
    """What it is there to show."""
    amounts = ("households", "residents", "urban_residents", "gross_floor_area")
    assert {"", "——", "/"} <= {row[name] for row in rows(sample, "communities") for name in amounts}
    result = plan.evaluate(sample, by="community", targets="facility-area-per-100-households")
    values = [row.value for row in result]
    assert values.count(30) > 100  # type: ignore[arg-type]  # fractions equal integers
    assert any(value is not None and 0 < 30 - value < 1e-4 for value in values)
    assert {row.verdict.value for row in plan.evaluate(sample, by="county")} == {"met", "not_met", "unknown"}


def test_townships_have_their_names(sample: Path, plan: cp.Plan) -> None:
    """From the townships table."""
    result = plan.evaluate(sample, by="township", targets="rural-facility-coverage")
    assert all(str(row.region_name)[-1] in "镇乡道" for row in result)


def test_it_is_the_same_byte_for_byte(sample: Path, tmp_path: Path) -> None:
    """A fixed seed, on every machine."""
    again = write_sample(tmp_path / "again")
    for path in sample.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()
    digest = hashlib.sha256((sample / "communities.csv").read_bytes()).hexdigest()
    assert digest == DIGEST, "the sample changed: say so in the changelog and set the digest"
    assert set(sample_tables()) == {"communities", "facilities", "workforce", "townships", "evidence"}


def test_it_does_not_write_over_other_files(tmp_path: Path) -> None:
    """A folder of one's own."""
    (tmp_path / "mine.txt").write_text("precious", "utf-8")
    with pytest.raises(cp.DataError, match="new or an empty folder"):
        write_sample(tmp_path)
    write_sample(write_sample(tmp_path / "sample"))


DIGEST = "62d73408b2b31c8663cd95f8ef38f8cdfb71be60160f04179c2f00f974bf12fa"
