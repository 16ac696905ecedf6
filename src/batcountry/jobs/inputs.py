"""What a job reads: the files that its recipe names, found from anywhere, and the same as when it was begun."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from batcountry.backend.files import sha256_of
from batcountry.backend.policy import Policy
from batcountry.backend.threads import thread_limit
from batcountry.dreams.inputs import input_files
from batcountry.dreams.prepare import Prepared, prepare
from batcountry.dreams.resolve import Resolved
from batcountry.errors import JobError, PictureError
from batcountry.image.files import check_readable
from batcountry.image.sources.addresses import local_path
from batcountry.jobs.kinds import Objects
from batcountry.jobs.spec import InputFile, JobSpec
from batcountry.models import Model
from batcountry.models.from_recipe import from_anywhere
from batcountry.recipe import Recipe

PICTURE = "picture"
"""The input that is dreamed on, and the output that a dream is."""

NAMES = ("model", "weights", "mean", "guide", "mask")
"""Fields of a recipe that name files, which a spec may have among its inputs by the same names."""


def recipe_here(spec: JobSpec, recipe: Recipe) -> Recipe:
    """Return a recipe with the names under which this job's inputs are found."""
    found = {name: spec.inputs[name].path for name in NAMES if name in spec.inputs}
    return recipe.chosen(**found)


def shown_names(spec: JobSpec) -> dict[str, str]:
    """Return the names that notes have for these, where those are others."""
    known = {name: spec.inputs[name] for name in NAMES if name in spec.inputs}
    return {name: each.name for name, each in known.items() if each.name is not None}


def pinned(spec: JobSpec, recipe: Recipe, model: Model, picture_sha256: str) -> JobSpec:
    """Return a spec that another process can go on with from any working folder, and that knows what it reads.

    Parameters
    ----------
    recipe
        With all that was chosen for it, and names as notes have them.
    """
    inputs = dict(spec.inputs)
    for name in NAMES:
        given = spec.inputs[name].path if name in spec.inputs else getattr(recipe, name)
        if given is not None:
            sha256 = model.weights_sha256 if name == "model" else None
            inputs[name] = _from_anywhere(name, given, getattr(recipe, name), sha256)
    if PICTURE in inputs:
        picture = inputs[PICTURE]
        place = str(Path(picture.path).resolve())
        inputs[PICTURE] = InputFile(path=place, name=picture.shown, sha256=picture_sha256)
    outputs = {
        name: each.model_copy(update={"path": str(Path(each.path).absolute())})
        for name, each in spec.outputs.items()
    }
    machine = spec.machine.model_copy(update={"threads": spec.machine.threads or thread_limit()})
    found: dict[str, Any] = recipe.model_dump(mode="json")
    return spec.changed(recipe=found, inputs=inputs, outputs=outputs, machine=machine)


def _from_anywhere(name: str, given: str, shown: str, sha256: str | None) -> InputFile:
    path = local_path(given)
    is_file = name != "model" and path.exists()  # a mean may be numbers, a guide an address
    place = str(path.resolve()) if is_file else given
    return InputFile(path=from_anywhere(given) if name == "model" else place, name=shown, sha256=sha256)


def asked_of(spec: JobSpec, recipe: Recipe, policy: Policy, objects: Objects) -> Prepared | Resolved:
    """Return a job's recipe prepared, or as the caller has it already.

    Raises
    ------
    BatCountryError
        If it is wrong, or asks for more than the policy allows.
    """
    given = objects.get("asked")
    if isinstance(given, (Prepared, Resolved)):
        return given
    asked = prepare(recipe_here(spec, recipe), policy=policy)
    if "model" in spec.inputs:
        asked = replace(asked, sha256=spec.inputs["model"].sha256)
    model = objects.get("model")
    return asked.with_model(model) if isinstance(model, Model) else asked


def prepared_of(spec: JobSpec, recipe: Recipe, policy: Policy, objects: Objects) -> Prepared:
    """Return a job's recipe as `asked_of`, for a job that resolves it several times, with another aim or for another size."""
    asked = asked_of(spec, recipe, policy, objects)
    if isinstance(asked, Resolved):
        raise JobError(f"a job of the kind {spec.kind} takes what was asked for prepared, not resolved")
    return asked


def check_weights(spec: JobSpec, model: Model) -> None:
    """Raise `JobError` if a network has other weights than a spec says."""
    known = spec.inputs.get("model")
    if known is not None and known.sha256 not in (None, model.weights_sha256):
        raise JobError(f"{known.path} has other weights now than when the job was begun; put those back")


def check_picture(spec: JobSpec, policy: Policy) -> str:
    """Return the sha256 of a job's picture, or an empty text if it has none.

    Raises
    ------
    BatCountryError
        If it cannot be read, or is not the picture that the spec says.
    """
    picture = spec.inputs.get(PICTURE)
    if picture is None:
        return ""
    path = policy.check_file(picture.path)
    check_readable(path)
    digest = sha256_of(path)
    if picture.sha256 not in (None, digest):
        raise PictureError(f"{path} is not the picture that the job was begun with; put that one back")
    return digest


def files_read(spec: JobSpec, recipe: Recipe) -> list[Path]:
    """Return the files that a job reads, which it never writes over."""
    return [*(Path(each.path) for each in spec.inputs.values()), *input_files(recipe)]
