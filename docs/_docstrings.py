"""Docstrings: what the reference shows of them (griffe extensions)."""

from __future__ import annotations

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?:(?<=\n\n)|\A)(>>> .*?)(?=\n\n|\Z)", re.DOTALL)


class FenceExamples(griffe.Extension):
    """Shows `>>>` examples as code, wherever in a docstring they stand: puts a fence around them."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring before it is parsed."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(r"```pycon\n\1\n```", obj.docstring.value)


class HideUndocumented(griffe.Extension):
    """Leaves a field without a docstring out of the table of its class, as other members without one are.

    What only the library itself reads has a comment.
    """

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Change the sections that `griffe_fieldz` has made of the fields."""
        if cls.docstring is None:
            return
        for section in cls.docstring.parsed:
            if isinstance(section, griffe.DocstringSectionAttributes):
                section.value = [each for each in section.value if each.description]
