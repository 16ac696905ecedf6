"""Makes a worker ready that has nothing to do yet, so that the first dream begins at once."""

from __future__ import annotations

import tempfile
from pathlib import Path


def warm_up() -> None:
    """Dream as for a first preview with the usual network, which imports, compiles and opens what dreams need."""
    from PIL import Image

    from batcountry.backend.policy import STRICT
    from batcountry.jobs.spec import InputFile, JobSpec, OutputPlace
    from batcountry.studio.worker.small.quick import SIDE, quick_preview

    with tempfile.TemporaryDirectory(prefix="batcountry-") as name:
        folder = Path(name)
        picture, result = folder / "picture.png", folder / "dream.png"
        Image.new("RGB", (SIDE, SIDE), "gray").save(picture)
        inputs = {"picture": InputFile(path=str(picture))}
        outputs = {"picture": OutputPlace(path=str(result))}
        quick_preview(JobSpec(kind="dream", inputs=inputs, outputs=outputs), STRICT.allow(folder))
