"""Sources: where a figure stands, in which words, and where those words are doubtful."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from community_plan.units import Lang, in_language

__all__ = ["ADOPTED", "Citation", "Discrepancy", "Reading", "Text"]

ADOPTED = "adopted"
"""The id of the reading that the registry's targets carry."""


@attrs.frozen
class Text:
    """Words in both languages of the registry."""

    zh: str
    """Chinese."""
    en: str
    """English."""

    def get(self, lang: Lang) -> str:
        """Return the words in one language."""
        return in_language(lang, self.zh, self.en)

    def __str__(self) -> str:
        return self.zh


@attrs.frozen(kw_only=True)
class Citation:
    """A place in a document with the words that stand there."""

    clause: str
    """Clause path as the document counts, such as `专栏1 4` or `四(三)2`."""
    quote: str
    """The words, byte for byte as in the source text of the plan."""


@attrs.frozen(kw_only=True)
class Reading:
    """One way to read a doubtful passage, as a change to the targets that rest on it."""

    id: str
    """Name of the reading, such as `as-printed`."""
    label: Text
    """What it says."""
    targets: Mapping[str, Mapping[str, Any]] = attrs.field(
        factory=dict, metadata={"description": "Target id to the fields that this reading sets."}
    )


@attrs.frozen(kw_only=True)
class Discrepancy:
    """A passage that can be read in more than one way, and the reading that the registry adopts."""

    id: str
    """Such as `A02`."""
    where: str
    """Places in the source text."""
    printed: str
    """The words as printed."""
    issue: Text
    """What is doubtful."""
    handling: Text
    """The adopted reading and its reason."""
    readings: tuple[Reading, ...] = ()
    """Other readings that can be evaluated."""
