"""The command `community-plan`, and `python -m community_plan`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say what to install for it."""
    try:
        from community_plan import cli
    except ModuleNotFoundError as error:
        if error.name not in ("cyclopts", "rich"):
            raise
        sys.exit(f"The command line needs {error.name}. Run: pip install 'community-plan[cli]'")
    sys.exit(cli.run(sys.argv[1:]))


if __name__ == "__main__":
    main()
