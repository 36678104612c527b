"""What tests share: the plan, the sample, tallies of two counties, a session of Spark, and hypothesis' settings."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import community_plan as cp
import county_tallies
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


@pytest.fixture
def sui(plan: cp.Plan) -> cp.Tally:
    """The tally of 睢县."""
    return plan.tally(county_tallies.SUI, by="county", targets=county_tallies.AREA)


@pytest.fixture
def yong(plan: cp.Plan) -> cp.Tally:
    """The tally of 永城市."""
    return plan.tally(county_tallies.YONG, by="county", targets=county_tallies.AREA)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One local Spark for all tests; without Java there is none."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17 or newer on the PATH")
    sql = pytest.importorskip("pyspark.sql")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Spark's own, of its sockets and of pandas 3
        builder = sql.SparkSession.builder.master("local[2]")
        for key, value in {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.adaptive.enabled": "false",  # it plans anew after every stage
            "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "1g",
            "spark.log.level": "ERROR",
        }.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("OFF")  # what queries get wrong on purpose
        yield session
        session.stop()
