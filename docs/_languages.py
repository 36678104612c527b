"""Languages: a search finds pages of its own, and a link leads to the other, wherever the site stands (mkdocs hook).

One index for the whole site would find every page of the API twice, and Chinese pages for English readers. So a
language that has a folder of its own in the site has an index there, and its pages look for it there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority
from mkdocs.utils import get_relative_url

INDEX = Path("search/search_index.json")


def folders(config: Any) -> dict[str, str]:
    """Return the folder of each language, the default one's last: it is the site itself."""
    languages = sorted(config.plugins["i18n"].config.languages, key=lambda each: each.default)
    return {each.locale: "" if each.default else f"{each.locale}/" for each in languages}


def on_page_context(context: Any, *, page: Any, config: Any, **_: Any) -> Any:
    """Tell the theme where the language starts: it finds the index there, and the pages that the index names."""
    places = folders(config)
    start = next(folder for folder in places.values() if page.url.startswith(folder))
    context["base_url"] = get_relative_url(start or ".", page.url)
    for alternate in config.extra.alternate:
        # i18n links the home pages from the root of the host, where the site need not stand.
        if alternate["link"].startswith("/"):
            alternate["link"] = places[alternate["lang"]]
    return context


@event_priority(-200)  # after i18n, which builds the other languages and puts the entries of all into one index
def on_post_build(config: Any) -> None:
    """Divide the index by languages."""
    site = Path(config.site_dir)
    index = json.loads((site / INDEX).read_text("utf-8"))
    left = index["docs"]
    for folder in folders(config).values():
        own = [entry for entry in left if entry["location"].startswith(folder)]
        left = [entry for entry in left if not entry["location"].startswith(folder)]
        docs = [{**entry, "location": entry["location"].removeprefix(folder)} for entry in own]
        path = site / folder / INDEX
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**index, "docs": docs}, ensure_ascii=False, separators=(",", ":")), "utf-8")
