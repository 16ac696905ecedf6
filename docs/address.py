"""Put the address of this project on GitHub wherever it stands.

    python docs/address.py https://github.com/ACCOUNT/NAME    # or: make address REPOSITORY=https://github.com/ACCOUNT/NAME

`repository` in `pyproject.toml` says what it is now. The badges that open the tutorial in Colab, the cell there that
installs, and the lines that clone are made from it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(root: Path = ROOT) -> None:
    """Put the address on the command line in the place of the one that stands there."""
    given = sys.argv[1] if len(sys.argv) == 2 else ""
    new = re.fullmatch(r"https://github\.com/([A-Za-z0-9-]+/[\w.-]+?)(\.git)?/?", given)
    if not new:
        sys.exit("error: give the address as https://github.com/ACCOUNT/NAME")
    project = root / "pyproject.toml"
    (old,) = re.findall(r'^repository = "(.+)"$', project.read_text("utf-8"), re.MULTILINE)
    pages = [
        project,
        root / "README.md",
        root / "README.zh-CN.md",
        *(root / "docs").rglob("*.md"),
        root / "examples" / "tutorial.ipynb",
    ]
    for page in pages:
        text = page.read_text("utf-8")
        if old in text:
            page.write_text(text.replace(old, new[1]), "utf-8")
            print(f"{page.relative_to(root)}: {text.count(old)}")


if __name__ == "__main__":
    main()
