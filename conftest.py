"""Every example in README, docs and docstrings is executed."""

from __future__ import annotations

import doctest
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run the examples of one page in a folder of their own."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("examples"))
    yield
    os.chdir(before)


_pages = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=_FLAGS)],
    patterns=["README.md", "docs/*/*.md", "docs/*/*/*.md"],
    fixtures=["empty_folder"],
)
_docstrings = Sybil(parsers=[DocTestParser(optionflags=_FLAGS)], patterns=["src/**/*.py"])

pytest_collect_file = (_pages + _docstrings).pytest()
