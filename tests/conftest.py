"""What all tests share: the plan, the sample, and hypothesis' settings."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

import community_plan as cp
from community_plan.sample import write_sample

# Lazy imports trip the deadline on the first example; CI repeats what a developer saw.
hypothesis.settings.register_profile("default", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", parent=hypothesis.settings.get_profile("default"), derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session")
def plan() -> cp.Plan:
    """The registry of Shangqiu's plan."""
    return cp.load_plan("shangqiu-14fyp")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the synthetic sample."""
    return write_sample(tmp_path_factory.mktemp("data") / "sample")
