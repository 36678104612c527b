"""The command `community-plan`, and `python -m community_plan`."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say what to install for it; Ctrl-C ends it quietly, with the status of a shell."""
    try:
        sys.stdout = _opened(sys.stdout)
        sys.stderr = _opened(sys.stderr, after=sys.stdout)
        sys.exit(_run())
    except KeyboardInterrupt:
        sys.exit(130)


def _run() -> int | str:
    try:
        from community_plan import cli
    except ModuleNotFoundError as error:
        if error.name not in ("cyclopts", "rich"):
            raise
        return f'The command line needs {error.name}. Run: pip install "community-plan[cli]"'
    return cli.run(sys.argv[1:])


def _opened(stream: Any, *, after: Any = None) -> Any:
    """Return standard output or error as UTF-8, whatever the locale; one that the caller closed leads nowhere."""
    if stream is None:
        stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # open as long as the program runs
    elif not stream.isatty():  # a console of Windows takes no bytes
        raw = _Stream(stream.fileno(), "w", closefd=False)
        raw.after = after
        stream = io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=stream.line_buffering)
    # Arguments are shown as they came, and need not be UTF-8.
    stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    return stream


class _Stream(io.FileIO):
    """A file or pipe to print to: what it does not take is one fault, and none if nobody reads on (`| head`)."""

    after: Any = None
    """What was printed there comes first, if both lead to one place."""
    _broken = False

    def write(self, data: Any) -> int:
        """Write bytes and return how many are done with.

        Raises:
            OSError: If they cannot be written, the first time.
        """
        if self.after is not None:
            self.after.flush()
        if not self._broken:
            try:
                return super().write(data)
            except OSError as error:
                self._broken = True
                if not isinstance(error, BrokenPipeError):
                    raise
        return memoryview(data).nbytes


if __name__ == "__main__":
    main()
