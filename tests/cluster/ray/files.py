"""Where the files of a cluster are, and how the guides' tables are read."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
RAY_FILES = REPOSITORY / "cluster/ray"


def rows_of(guide: Path) -> list[list[str]]:
    """The cells of each table row in a guide."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in guide.read_text().splitlines()
        if line.startswith("|")
    ]
