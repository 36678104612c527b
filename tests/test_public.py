"""What the package offers, and how cheaply it does."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import community_plan as cp

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(cp.__path__, "community_plan.")
    if not module.name.endswith("__main__")
)
FORBIDDEN = ("pint", "narwhals", "polars", "pandas", "pyarrow", "numpy", "duckdb", "cyclopts", "rich")


def test_public_names_are_a_plain_sorted_list() -> None:
    """`__init__` imports names and does nothing else."""
    tree = ast.parse(Path(cp.__file__).read_text("utf-8"))
    names = []
    for node in tree.body[1:]:
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None
            assert all(alias.asname == alias.name for alias in node.names), "re-exports are written out"
            names += [alias.name for alias in node.names]
        else:
            assert isinstance(node, ast.Assign)
            assert isinstance(node.value, ast.Constant | ast.List)
    assert len(names) == len(set(names))
    assert sorted(names) == sorted(cp.__all__)
    for name in names:
        assert getattr(cp, name).__doc__


def test_the_package_names_its_modules_in_the_order_of_the_layers() -> None:
    """So that who reads on from there misses none."""
    with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    listed = re.findall(r"`(\w+)`", str(cp.__doc__))
    assert listed == [layer for layer in reversed(layers) if layer != "__main__"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_reference_lists_every_public_name(lang: str) -> None:
    """Its first page says where each is described."""
    page = (Path(__file__).parents[1] / "docs" / lang / "reference" / "index.md").read_text("utf-8")
    listed = set(re.findall(r"`(\w+)`", page))
    assert {name for name in cp.__all__ if not name.startswith("__")} <= listed


@pytest.mark.parametrize("module", MODULES)
def test_every_module_lists_its_names(module: str) -> None:
    """Sorted, existing, documented; a module begins with one sentence that says what it holds."""
    loaded = importlib.import_module(module)
    assert loaded.__doc__
    assert loaded.__doc__.splitlines()[0].endswith(".")
    names = loaded.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    for name in names:
        assert hasattr(loaded, name)


@pytest.mark.parametrize(
    "code",
    [
        "import community_plan",
        "import community_plan; community_plan.load_plan('shangqiu-14fyp').targets",
        "import community_plan as cp; cp.load_plan('shangqiu-14fyp').targets['activity-area-share'].value.text('en')",
    ],
)
def test_the_registry_is_cheap(code: str) -> None:
    """Reading targets loads neither pint nor narwhals nor any frame library."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in run.stderr.splitlines() if "|" in line}
    assert "community_plan" in loaded
    assert loaded.isdisjoint(FORBIDDEN)
    assert loaded.isdisjoint({"email", "zipfile"})  # which the standard library loads to look at packages


def test_objects_are_evaluated_without_any_frame_library() -> None:
    """The core needs attrs, cattrs and pint alone for it."""
    code = """
import sys
for name in ("polars", "pandas", "pyarrow", "numpy", "narwhals"):
    sys.modules[name] = None
import community_plan as cp
place = cp.Community(code="411422001201", households=1500, comprehensive_service_area="450 ㎡")
row = cp.load_plan("shangqiu-14fyp").evaluate([place], by="county", targets="facility-area-per-100-households").rows[0]
print(row.verdict.value, row.region)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert run.stdout.split() == ["not_met", "411422"]


def test_a_missing_extra_says_what_to_install() -> None:
    """Typed, with the command."""
    code = """
import sys
sys.modules["polars"] = None
import community_plan as cp
try:
    cp.load_plan("shangqiu-14fyp").judge({}).to_polars()
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert 'pip install "community-plan[polars]"' in run.stdout
