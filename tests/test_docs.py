"""What the pages show of the command line is what it prints."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import community_plan as cp

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if "```console\n" in path.read_text("utf-8"))
# Commands that set up a machine, and so the one that runs this test.
SETUP = ("make", "pip", "python3 -m venv", ".venv", "source .venv", "cd ", "git")


def shown(page: Path) -> list[tuple[str, str]]:
    """Return the commands of a page with the output shown under each."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    parts = [part.partition("\n") for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, output) for command, _, output in parts if not command.startswith(SETUP)]


def pattern(output: str) -> str:
    """Return what the shown output matches: `…` alone on a line stands for lines, at an end for text."""
    lines = [re.escape(line.rstrip()) for line in output.strip("\n").split("\n")]
    return re.sub(r"(?m)^…\n", r"(?:.*\n)*?", "\n".join(lines) + "\n").replace("…", ".*")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_prints_what_its_page_shows(page: Path, tmp_path: Path) -> None:
    """In order, in an empty folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command, output in shown(page):
        run = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PATH": path},
            check=False,
        )
        printed = "\n".join(line.rstrip() for line in run.stdout.decode("utf-8").strip("\n").split("\n")) + "\n"
        assert re.fullmatch(pattern(output), printed), f"$ {command}\n{printed}"


def test_there_are_pages_to_check() -> None:
    """The command-line page in both languages at least."""
    assert {page.relative_to(ROOT / "docs").parts[0] for page in PAGES} >= {"en", "zh"}
    assert any(shown(page) for page in PAGES)


def test_the_page_of_the_plan_says_whom_a_commitment_binds_and_what_softens_it(plan: cp.Plan) -> None:
    """What the text asks of urban communities is not shown as asked of all, nor a 推动 as firm."""
    page = runpy.run_path(str(ROOT / "docs" / "_generate.py"))["plan_page"](plan, "zh")
    (line,) = (line for line in page["commitments"].split("\n") if line.startswith("| B028 "))
    assert "范围：城市社区；弹性措辞：「推动」" in line
    part = page["more_targets"].partition("{#opening-hours}")[2]
    assert "| **弹性措辞** | 一般 |" in part.partition("###")[0]
