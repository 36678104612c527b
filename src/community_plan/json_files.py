"""JSON: files as plain data, read strictly — no duplicate key, no NaN, no fraction, no number without end."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from community_plan.errors import CommunityPlanError, DataError, Place, raise_faults
from community_plan.text_files import decoded, read_bytes
from community_plan.toml_files import PathKey, path_text

__all__ = ["read_json"]

_MAX_FILE = 2**28
_MAX_DEPTH = 40
_MAX_DIGITS = 20


class _Refused:
    """A value that JSON readers take in and that is none here; it keeps its words."""

    def __init__(self, words: str) -> None:
        self.words = words


class _Twice(dict[str, Any]):
    """An object with keys that stand in it twice."""

    keys_twice: tuple[str, ...] = ()


def read_json(path: Path, error: type[DataError]) -> Any:
    """Read a JSON file: dicts, lists, text, whole numbers, booleans and None.

    Args:
        path: The file.
        error: Kind of the faults.

    Raises:
        DataError: If the file cannot be read or holds anything else; several faults come together as `DataFaults`.
    """
    text = decoded(read_bytes(path, error, most=_MAX_FILE), path, error)
    try:
        data = json.loads(
            text, parse_int=_whole, parse_float=_Refused, parse_constant=_Refused, object_pairs_hook=_object
        )
    except json.JSONDecodeError as fault:
        place = Place(file=str(path), line=fault.lineno)
        raise error(f"no valid JSON: {fault.msg} at column {fault.colno}", place=place) from fault
    except RecursionError as fault:
        raise error("no usable JSON: values nested too deeply", place=Place(file=str(path))) from fault
    faults: list[CommunityPlanError] = [
        error(problem, place=Place(file=str(path), key=path_text(where) or None)) for where, problem in _refused(data)
    ]
    raise_faults(faults, subject=f"{path} cannot be read")
    return data


def _whole(text: str) -> int | _Refused:
    return int(text) if len(text) <= _MAX_DIGITS else _Refused(f"one of {len(text)} digits")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice = _Twice(found)
    counts = Counter(name for name, _ in pairs)
    twice.keys_twice = tuple(name for name in found if counts[name] > 1)
    return twice


def _refused(data: Any) -> list[tuple[PathKey, str]]:
    """Return where something is refused, and why."""
    faults: list[tuple[PathKey, str]] = []
    waiting: list[tuple[PathKey, Any]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _Refused):
            faults.append((path, f"expected a whole number below 2^63, got {value.words[:40]}"))
        elif isinstance(value, str):
            if not value.isascii() and not _is_text(value):
                faults.append((path, "expected text, got half a character"))
        elif isinstance(value, dict | list) and len(path) >= _MAX_DEPTH:
            faults.append((path, "values nested too deeply"))
        elif isinstance(value, dict):
            if isinstance(value, _Twice):
                faults.extend(((*path, name), "stands twice") for name in value.keys_twice)
            faults.extend((path, "expected a key, got half a character") for name in value if not _is_text(name))
            waiting.extend(((*path, name), part) for name, part in value.items() if _is_text(name))
        elif isinstance(value, list):
            waiting.extend(((*path, place), part) for place, part in enumerate(value) if type(part) is not int)
    return sorted(faults, key=lambda fault: path_text(fault[0]))


def _is_text(value: str) -> bool:
    """Whether a text has no half of a surrogate pair."""
    return not any("\ud800" <= char <= "\udfff" for char in value)
