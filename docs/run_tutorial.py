"""Run the tutorial and keep what it shows inside it.

    python docs/run_tutorial.py     # or: make notebook

Pictures are kept as JPEGs, so that the file stays small. The notebook remembers of which code its outputs are.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"
TUTORIAL = EXAMPLES / "tutorial.ipynb"
QUALITY = 82
KEPT = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def code_hash(notebook: Any) -> str:
    """Return the sha256 of a notebook's code, but for the cell that installs, which names an address."""
    cells = [
        each.source
        for each in notebook.cells
        if each.cell_type == "code" and "install" not in each.metadata.get("tags", ())
    ]
    return hashlib.sha256("\0".join(cells).encode()).hexdigest()


def run(notebook: Any) -> Any:
    """Run a notebook in a folder of its own, beside the program that draws its still life; outputs are put into it."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(EXAMPLES / "still_life.py", folder)
        # A slow machine is waited for; a kernel that has died or lost a message is not.
        patience = {"timeout": 600, "startup_timeout": 600, "iopub_timeout": 600}
        where = {"metadata": {"path": folder}}
        NotebookClient(notebook, record_timing=False, resources=where, **patience).execute()
    return notebook


def shrink(notebook: Any) -> None:
    """Turn PNGs among the outputs into JPEGs."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if png := data.pop("image/png", None):
                out = io.BytesIO()
                with Image.open(io.BytesIO(base64.b64decode(png))) as image:
                    image.convert("RGB").save(out, "JPEG", quality=QUALITY)
                data["image/jpeg"] = base64.b64encode(out.getvalue()).decode()


def main() -> None:
    """Run it, and write it in place."""
    notebook = nbformat.read(TUTORIAL, as_version=4)
    run(notebook)
    shrink(notebook)
    widgets = notebook.metadata.get("widgets")
    notebook.metadata = nbformat.NotebookNode(
        KEPT, language_info={"name": "python"}, outputs_of=code_hash(notebook)
    )
    if widgets:
        notebook.metadata["widgets"] = widgets
    new = TUTORIAL.with_suffix(".new")
    nbformat.write(notebook, new)
    new.replace(TUTORIAL)
    print(f"{TUTORIAL}: {TUTORIAL.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
