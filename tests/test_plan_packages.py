"""Packages bring plans by an entry point: they are found, listed with what is wrong with them, and never imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import community_plan as cp
from community_plan.errors import NotFoundError, PlanError
from community_plan.loader import available_plans, load_plan
from qinghe import COMMUNITIES, write


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place on the path where distributions are installed."""
    path = tmp_path / "site"
    path.mkdir()
    monkeypatch.syspath_prepend(path)
    return path


def install(site: Path, distribution: str, points: str) -> None:
    """Write the metadata that an installer would."""
    info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[community_plan.plans]\n{points}\n", "utf-8")


def test_a_package_brings_a_plan(site: Path) -> None:
    """Found by id, listed, and never imported."""
    write(site / "town_plans" / "qinghe")
    (site / "town_plans" / "__init__.py").write_text("raise SystemExit('imported')", "utf-8")
    (site / "town_plans" / "qinghe" / "__init__.py").write_text("raise SystemExit('imported')", "utf-8")
    install(site, "town-plans", "qinghe-2027 = town_plans.qinghe")
    (found,) = [plan for plan in available_plans() if plan.id == "qinghe-2027"]
    assert (found.origin, found.folder, found.fault) == ("town-plans 1.0", site / "town_plans" / "qinghe", None)
    assert {"shangqiu-14fyp", "qinghe-2027"} <= {plan.id for plan in available_plans()}
    plan = load_plan("qinghe-2027")
    assert plan.evaluate(COMMUNITIES, targets="facility-area").row("facility-area").verdict is cp.Verdict.MET
    assert plan.content_hash
    assert not any(name.startswith("town_plans") for name in sys.modules)


def test_a_broken_package_is_reported_and_hides_no_other(site: Path) -> None:
    """No package, no plan.toml, an id that is taken, metadata that nobody can read: each is listed with its fault."""
    write(site / "good_town")
    (site / "good_town" / "__init__.py").touch()
    (site / "empty_town").mkdir()
    (site / "empty_town" / "__init__.py").touch()
    (site / "single_town.py").touch()
    install(site, "good", "qinghe-2027 = good_town")
    install(
        site,
        "bad",
        "gone = no_such_town\nempty = empty_town\nsingle = single_town\nodd = ..!\nshangqiu-14fyp = good_town\n"
        "deep = good_town.none.there\nrenamed = good_town",
    )
    install(site, "unreadable", "x = y")
    (site / "unreadable-1.0.dist-info" / "entry_points.txt").write_bytes(b"[community_plan.plans]\n\xff = \xff\n")
    listed = available_plans()
    faults = {plan.id: str(plan.fault) for plan in listed if plan.fault is not None}
    assert "no package 'no_such_town'" in faults["gone"]
    assert "has no plan.toml" in faults["empty"]
    assert "has no plan.toml" in faults["single"]
    assert "good_town.none.there" in faults["deep"]
    assert "is taken by community-plan" in faults["shangqiu-14fyp"]
    assert {"odd", "unreadable-1.0"} <= set(faults)
    assert load_plan("qinghe-2027").id == "qinghe-2027"
    assert load_plan("shangqiu-14fyp").id == "shangqiu-14fyp"
    for name in ("gone", "empty", "odd"):
        with pytest.raises(PlanError):
            load_plan(name)
    with pytest.raises(PlanError, match="expected the id of its entry point, 'renamed', got 'qinghe-2027'"):
        load_plan("renamed")
    with pytest.raises(NotFoundError, match="did you mean 'qinghe-2027'"):
        load_plan("qinghe-2028")


def test_listing_plans_is_cheap() -> None:
    """It loads no plan, and no library for data or units."""
    code = """
import sys
from community_plan.loader import available_plans, _load_bundled
available_plans()
print(_load_bundled.cache_info().currsize, [n for n in ("pint", "narwhals", "polars", "pandas") if n in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert run.stdout.split() == ["0", "[]"]
