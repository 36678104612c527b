"""Installed: the library whose frames are made where no frame of the user's says which."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import narwhals as nw

from community_plan.errors import MissingDependencyError

__all__ = ["some_frame"]


def some_frame() -> nw.DataFrame[Any]:
    """Return an empty frame of an installed library, the fastest first.

    Raises:
        MissingDependencyError: If none of polars, pandas and pyarrow is installed.
    """
    found = next((n for n in ("polars", "pandas", "pyarrow") if importlib.util.find_spec(n) is not None), None)
    if found is None:
        raise MissingDependencyError("polars, pandas or pyarrow", extra="polars", purpose="a frame")
    return _empty_frame(found)


@functools.cache
def _empty_frame(library: Any) -> nw.DataFrame[Any]:
    return nw.from_dict({"region": []}, backend=library)
