"""The site: readers of a language find its pages, and of a class what they use."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("mkdocs")
griffe = pytest.importorskip("griffe")


def hook(name: str) -> Any:
    """Return a module of `docs`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def config(tmp_path: Path) -> Any:
    """Two languages, and the index of their pages that search and i18n leave behind."""
    pages = ["", "glossary/#u", "en/", "en/glossary/", "endings/"]
    index = {"config": {"lang": ["en", "zh"]}, "docs": [{"location": page, "title": page} for page in pages]}
    (tmp_path / "search").mkdir()
    (tmp_path / "search/search_index.json").write_text(json.dumps(index), "utf-8")
    languages = [SimpleNamespace(locale="zh", default=True), SimpleNamespace(locale="en", default=False)]
    i18n = SimpleNamespace(config=SimpleNamespace(languages=languages))
    links = [{"lang": "zh", "link": "/"}, {"lang": "en", "link": "/en/"}]
    return SimpleNamespace(site_dir=str(tmp_path), plugins={"i18n": i18n}, extra=SimpleNamespace(alternate=links))


def test_a_search_finds_the_pages_of_its_own_language_and_no_others(config: Any) -> None:
    """Each language has an index in its folder, with places seen from there."""
    hook("_languages").on_post_build(config)
    found = {
        folder: [
            entry["location"]
            for entry in json.loads((Path(config.site_dir, folder, "search/search_index.json")).read_text("utf-8"))[
                "docs"
            ]
        ]
        for folder in ("", "en")
    }
    assert found == {"": ["", "glossary/#u", "endings/"], "en": ["", "glossary/"]}


@pytest.mark.parametrize(
    ("url", "start"),
    [("", "."), ("reference/errors/", "../.."), ("en/", "."), ("en/reference/errors/", "../..")],
)
def test_a_page_looks_for_the_index_of_its_own_language(config: Any, url: str, start: str) -> None:
    """The theme looks for it below what it takes for the start of the site."""
    context = hook("_languages").on_page_context({}, page=SimpleNamespace(url=url), config=config)
    assert context["base_url"].rstrip("/") == start


def test_the_home_pages_lead_to_each_other_wherever_the_site_stands(config: Any) -> None:
    """Their links do not start at the root of the host; the theme makes them relative."""
    hook("_languages").on_page_context({}, page=SimpleNamespace(url="en/"), config=config)
    assert [each["link"] for each in config.extra.alternate] == ["", "en/"]


def test_what_a_method_returns_is_one_thing_however_many_lines_say_it() -> None:
    """The reference showed each line of `Result.wide` as a value of its own."""
    config = importlib.import_module("mkdocs.config").load_config(str(ROOT / "mkdocs.yml"))
    options = config.plugins["mkdocstrings"].config.handlers["python"]["options"]
    package = griffe.load(
        "community_plan",
        search_paths=[ROOT / "src"],
        docstring_parser=options["docstring_style"],
        docstring_options=options.get("docstring_options"),
    )
    told = [
        section.value
        for section in package["results.Result.wide"].docstring.parsed
        if isinstance(section, griffe.DocstringSectionReturns)
    ]
    assert [len(values) for values in told] == [1]


def test_the_reference_shows_what_users_read_of_prepared_data_and_tallies() -> None:
    """Fields that only the library reads are commented and not documented."""
    docstrings = str(ROOT / "docs/_docstrings.py")
    fields = {"griffe_fieldz": {"add_fields_to": "docstring-attributes", "remove_fields_from_members": True}}
    extensions = griffe.load_extensions(fields, docstrings)
    package = griffe.load(
        "community_plan", search_paths=[ROOT / "src"], extensions=extensions, docstring_parser="google"
    )
    shown = {
        name: [
            field.name
            for section in package[name].docstring.parsed
            if isinstance(section, griffe.DocstringSectionAttributes)
            for field in section.value
        ]
        for name in ("prepared.Prepared", "tallies.Tally")
    }
    assert shown == {
        "prepared.Prepared": ["targets"],
        "tallies.Tally": ["plan", "plan_version", "content_hash", "readings", "measures", "named", "names", "notes"],
    }
