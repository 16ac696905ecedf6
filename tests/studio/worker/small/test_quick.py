"""A first preview is there before the dream is planned, and never says what is wrong with a job."""

import io

import pytest
from PIL import Image

from batcountry.backend.policy import STRICT
from batcountry.jobs.spec import InputFile, JobSpec, OutputPlace
from batcountry.studio.worker.small.quick import SIDE, quick_preview


@pytest.fixture
def spec_of(tmp_path):
    def make(kind="dream", **recipe):
        path = tmp_path / "photo.png"
        Image.radial_gradient("L").resize((320, 240)).convert("RGB").save(path)
        inputs = {"picture": InputFile(path=str(path))}
        return JobSpec(
            kind=kind,
            recipe=recipe,
            inputs=inputs,
            outputs={"picture": OutputPlace(path=str(tmp_path / "out.png"))},
        )

    return make


def test_it_is_small_and_dreamed_and_leaves_nothing_behind(spec_of, tmp_path, caplog):
    with caplog.at_level("INFO", "batcountry"):
        data = quick_preview(spec_of(size=320), STRICT.allow(tmp_path))
    image = Image.open(io.BytesIO(data)).convert("RGB")
    assert image.size == (SIDE, SIDE * 3 // 4)
    assert len(image.getcolors(1 << 16)) > 1000  # the picture itself has at most 256 colors, all gray
    assert [each.name for each in tmp_path.iterdir()] == ["photo.png"] and not caplog.records


@pytest.mark.parametrize("recipe", [{"layer": "no-such-layer"}, {"model": "/no/such/file.pt"}])
def test_what_is_wrong_with_a_job_is_not_said_here(spec_of, tmp_path, recipe):
    assert quick_preview(spec_of(**recipe), STRICT.allow(tmp_path)) is None


def test_other_kinds_have_none(spec_of, tmp_path):
    assert quick_preview(spec_of("enlarge"), STRICT.allow(tmp_path)) is None
