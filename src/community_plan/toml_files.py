"""TOML: the door to tomllib — files as exact plain data that know the line of every key."""

from __future__ import annotations

import bisect
import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from community_plan.errors import Place, PlanError
from community_plan.text_files import decoded, read_bytes

__all__ = ["MAX_FILE", "PathKey", "TomlFile", "path_text", "read_toml"]

PathKey = tuple[str | int, ...]
"""A path into a document: keys and positions from 0."""

MAX_FILE = 16 * 2**20
"""How large a file of a plan may be. [bytes]"""


def path_text(path: PathKey) -> str:
    """Return a path as people write it, such as `targets[0].value`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


@attrs.frozen
class TomlFile:
    """A TOML file as plain data that knows the line of every key."""

    path: Path
    """The file."""
    data: dict[str, Any]
    """Its contents."""
    lines: dict[PathKey, int]
    """Line of every key and array element, from 1."""

    def place(self, path: PathKey) -> Place:
        """Return file, line and path of a key, or of the nearest key around it."""
        around = path
        while around and around not in self.lines:
            around = around[:-1]
        return Place(file=str(self.path), line=self.lines.get(around, 1), key=path_text(path) or None)


def read_toml(path: Path) -> TomlFile:
    """Read a TOML file with exact decimals and the line of every key.

    Raises:
        PlanError: If the file cannot be read, is no UTF-8, or is no TOML.
    """
    text = decoded(read_bytes(path, PlanError, most=MAX_FILE), path, PlanError).replace("\r\n", "\n")
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise PlanError(f"no valid TOML: {error}", place=Place(file=str(path), line=line)) from error
    except (ValueError, RecursionError) as error:
        # ValueError: an integer over Python's digit limit; RecursionError: nesting without end.
        what = "an integer with too many digits" if isinstance(error, ValueError) else "values nested too deeply"
        line = _line_of_longest_digits(text) if isinstance(error, ValueError) else 1
        raise PlanError(f"no usable TOML: {what}", place=Place(file=str(path), line=line)) from error
    return TomlFile(path, data, dict(_key_lines(text)))


def _line_of_longest_digits(text: str) -> int:
    longest = max(re.finditer(r"[0-9_]+", text), key=lambda match: len(match[0]), default=None)
    return text.count("\n", 0, longest.start()) + 1 if longest else 1


_SPACE = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}\n#]+")


def _key_lines(text: str) -> Iterator[tuple[PathKey, int]]:
    """Yield the path and the line of every key and array element of valid TOML (tomllib keeps none)."""
    starts = [0] + [match.end() for match in re.finditer("\n", text)]
    counts: dict[PathKey, int] = {}

    def line(position: int) -> int:
        return bisect.bisect_right(starts, position)

    def space(position: int) -> int:
        match = _SPACE.match(text, position)
        return match.end() if match else position

    def key(position: int) -> tuple[list[str], int]:
        parts: list[str] = []
        while True:
            position = space(position)
            match = _BARE.match(text, position) or _STRING.match(text, position)
            if match is None:
                return parts, position
            word = match[0]
            parts.append(tomllib.loads(f"k = {word}")["k"] if word[0] in "\"'" else word)
            position = space(match.end())
            if text[position : position + 1] != ".":
                return parts, position
            position += 1

    def located(parts: list[str]) -> PathKey:
        path: PathKey = ()
        for part in parts:
            path = (*path, part)
            if path in counts:
                path = (*path, counts[path])
        return path

    def value(position: int, path: PathKey) -> Iterator[tuple[PathKey, int] | int]:
        position = space(position)
        opening = text[position : position + 1]
        if opening == "[":
            index, position = 0, space(position + 1)
            while text[position : position + 1] != "]":
                yield (*path, index), line(position)
                for item in value(position, (*path, index)):
                    if isinstance(item, int):
                        position = item
                    else:
                        yield item
                index, position = index + 1, space(position)
                if text[position : position + 1] == ",":
                    position = space(position + 1)
            yield position + 1
        elif opening == "{":
            position = space(position + 1)
            while text[position : position + 1] != "}":
                for item in pair(position, path):
                    if isinstance(item, int):
                        position = item
                    else:
                        yield item
                position = space(position)
                if text[position : position + 1] == ",":
                    position = space(position + 1)
            yield position + 1
        else:
            match = _STRING.match(text, position) or _SCALAR.match(text, position)
            yield match.end() if match else len(text)

    def pair(position: int, path: PathKey) -> Iterator[tuple[PathKey, int] | int]:
        start = position
        parts, position = key(position)
        for depth in range(1, len(parts) + 1):
            yield (*path, *parts[:depth]), line(start)
        yield from value(position + 1, (*path, *parts))

    table: PathKey = ()
    position = space(0)
    while position < len(text):
        if text.startswith("[[", position):
            parts, after = key(position + 2)
            table = (*located(parts[:-1]), parts[-1])
            counts[table] = counts.get(table, -1) + 1
            table = (*table, counts[table])
            yield table, line(position)
            position = space(after + 2)
        elif text[position] == "[":
            parts, after = key(position + 1)
            table = located(parts)
            yield table, line(position)
            position = space(after + 1)
        else:
            for item in pair(position, table):
                if isinstance(item, int):
                    position = item
                else:
                    yield item
            position = space(position)
