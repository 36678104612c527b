"""Text files: the bytes of a file of modest size, and the text that they are in UTF-8."""

from __future__ import annotations

from pathlib import Path

from community_plan.errors import CommunityPlanError, Place

__all__ = ["decoded", "read_bytes"]


def read_bytes(path: Path, error: type[CommunityPlanError], *, most: int) -> bytes:
    """Return the contents of a file.

    Args:
        path: The file.
        error: Kind of the fault.
        most: How large it may be. [bytes]

    Raises:
        CommunityPlanError: Of that kind, if the file is larger or cannot be read.
    """
    place = Place(file=str(path))
    try:
        if path.stat().st_size > most:
            raise error(f"expected a file of at most {most} bytes", place=place)
        return path.read_bytes()
    except OSError as fault:
        raise error(f"cannot be read: {fault.strerror}", place=place) from fault


def decoded(raw: bytes, path: Path, error: type[CommunityPlanError]) -> str:
    """Return the text that the contents of a file are, without the mark that may stand before it.

    Raises:
        CommunityPlanError: Of that kind, with the line, if they are no UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw.count(b"\n", 0, fault.start) + 1
        problem = f"expected UTF-8, got byte 0x{raw[fault.start]:02x}"
        raise error(problem, place=Place(file=str(path), line=line), mend="save the file as UTF-8") from fault
