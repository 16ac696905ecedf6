"""The commands about networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batcountry.backend.folders import check_makeable
from batcountry.backend.outputs import check_folder_of_ours, check_new, is_same
from batcountry.cli.app import app as app
from batcountry.cli.commands import NETWORKS
from batcountry.cli.screen import answers, out, plain, print_table
from batcountry.cli.trust import RunProgram, typed_policy
from batcountry.errors import ModelError

if TYPE_CHECKING:
    from rich.table import Table

    from batcountry.caffe.checking import Difference, NetFacts
    from batcountry.models import Model

Weights = Annotated[
    Path | None, typer.Option("--weights", help="The file of weights, if several lie beside the prototxt.")
]
CaffeNet = Annotated[
    str, typer.Argument(help="Folder of a Caffe net, its prototxt, or a name that `models` lists.")
]


@app.command(rich_help_panel=NETWORKS)
def layers(
    model: Annotated[str, typer.Argument(help="What --model of dream takes.")] = "efficientnet-lite0",
    weights: Annotated[str | None, typer.Option(help="File of weights for it.")] = None,
    channels: Annotated[
        str | None, typer.Option(help="What it takes: rgb, bgr, gray, rgba, or a number.")
    ] = None,
    run_code: RunProgram = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all that is known of them, as JSON.", metavar=" ")
    ] = False,
) -> None:
    """List the layers of a model in running order: channels, stride and receptive field in pixels.

    Those that dream well have a star under “good”. Below it says which sizes of pictures a network is shown, if not all.
    """
    from batcountry.models.from_recipe import open_recipe_model
    from batcountry.recipe import Recipe

    recipe = Recipe(model=model, weights=weights, channels=channels)
    opened = open_recipe_model(recipe, policy=typed_policy(run_code))
    rules = opened.size_rules()
    if as_json:
        answers.print_json(data=_layer_facts(opened, rules))
        return
    print_table(_dreamable_table(opened))
    for rule, names in _by_rule(rules).items():
        span = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        answers.print(f"sizes  {plain(span)}: {rule}")


def _dreamable_table(model: Model) -> Table:
    from rich.table import Table

    table = Table("layer", "good", box=None, pad_edge=False)
    for heading in ("channels", "stride", "receptive field"):
        table.add_column(heading, justify="right")
    for layer in model.layers:
        name = f"{layer.name} (default)" if layer.name == model.default_layer else layer.name
        unknown = "-" if layer.stride else "whole picture"
        field = str(layer.receptive_field or unknown)
        star = "*" if layer.recommended else ""
        table.add_row(plain(name), star, str(layer.channels), str(layer.stride or "-"), field)
    return table


def _layer_facts(model: Model, rules: Mapping[str, str]) -> dict[str, Any]:
    """Return a model's layers as data; names are those of `Layer`, sizes None where all run."""
    return {
        "model": model.name,
        "default_layer": model.default_layer,
        "layers": [{**asdict(layer), "sizes": rules.get(layer.name)} for layer in model.layers],
    }


def _by_rule(rules: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the layers that each rule is for, in running order."""
    names: dict[str, list[str]] = {}
    for name, rule in rules.items():
        names.setdefault(rule, []).append(name)
    return names


@app.command(rich_help_panel=NETWORKS)
def check(
    model: CaffeNet,
    weights: Weights = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="Compare every blob with the numbers in this .npz: input:BLOB, data:BLOB, diff:BLOB …"
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option(help="The layer at which the passes of --reference stop and start.")
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(min=0, help="Largest difference from --reference, as a share of a blob's largest."),
    ] = 1e-4,
) -> None:
    """Say what a Caffe net is: layers, parameters, input, mean, weights, unsupported parts.

    Leaves with code 1 if parts are unsupported, weights are missing, or numbers differ from the reference.
    """
    from batcountry.caffe.checking import compare, examine
    from batcountry.models.loaders.caffe import definition_in, find_files
    from batcountry.models.loaders.caffe_inputs import mean_of
    from batcountry.models.loaders.caffe_names import caffe_source

    if reference is not None and not reference.is_file():
        raise ModelError(f"there is no file {reference} to compare with; check the name")
    source, mean = caffe_source(model)
    prototxt = definition_in(source) if source.is_dir() else source
    try:
        prototxt, weights = find_files(source, weights)
    except ModelError as error:
        if not prototxt.is_file():
            raise
        answers.print(f"weights      none: {plain(error)}")
    facts = examine(prototxt, weights)
    print_table(_layer_table(facts))
    _say(facts, prototxt, weights)
    channels = next((shape[1] for shape in facts.inputs.values() if len(shape) == 4), 3)
    _say_mean(mean_of(prototxt, channels, mean), f"of {model}" if mean else _mean_from(prototxt))
    _say_fit(facts)
    bad = bool(facts.unsupported or weights is None or (facts.fit and facts.fit.missing))
    if reference is not None and not facts.unsupported:
        over = _say_differences(compare(prototxt, weights, reference, end), tolerance)
        bad = bad or over > 0
    if bad:
        raise typer.Exit(1)


def _layer_table(facts: NetFacts) -> Table:
    from rich.table import Table

    table = Table("layer", "type", box=None, pad_edge=False)
    for heading in ("shape", "parameters", "stride", "receptive field"):
        table.add_column(heading, justify="right")
    for each in facts.layers:
        shape = "×".join(map(str, each.shape)) if each.shape is not None else "-"
        field = "whole picture" if each.receptive_field is None else str(each.receptive_field)
        count = f"{each.parameters:,}" if each.parameters else ""
        table.add_row(plain(each.name), plain(each.type), shape or "1", count, str(each.stride or "-"), field)
    return table


def _mean_from(prototxt: Path) -> str:
    from batcountry.caffe.formats.means import find_mean

    source = find_mean(prototxt.parent)
    return f"from {source.name}" if source else "no file; what the programs of 2015 took"


def _say_mean(mean: tuple[float, ...], source: str) -> None:
    order = "blue, green, red" if len(mean) == 3 else f"{len(mean)} channels"
    answers.print(f"mean         {', '.join(f'{each:.2f}' for each in mean)} ({order}; {plain(source)})")


def _say(facts: NetFacts, prototxt: Path, weights: Path | None) -> None:
    answers.print(f"definition   {plain(prototxt)}")
    if weights is not None:
        answers.print(f"weights      {plain(weights)}")
    for name, shape in facts.inputs.items():
        answers.print(f"input        {plain(name)}, {'×'.join(map(str, shape))}")


def _say_fit(facts: NetFacts) -> None:
    answers.print(f"parameters   {facts.parameters:,}")
    if facts.fit is not None:
        answers.print(
            f"missing      {plain(', '.join(facts.fit.missing)) or 'nothing: every layer has its weights'}"
        )
        if facts.fit.unused:
            answers.print(f"unused       {plain(', '.join(facts.fit.unused))}")
    for thing in facts.skipped:
        answers.print(f"skipped      {plain(thing)}")
    answers.print(f"unsupported  {plain(', '.join(facts.unsupported)) or 'nothing'}")


def _say_differences(differences: Sequence[Difference], tolerance: float) -> int:
    """Print the largest differences, and return how many are larger than `tolerance`."""
    for each in differences[:10]:
        answers.print(f"{each.largest:10.2e}  {plain(each.blob)}  {plain(each.problem)}".rstrip())
    over = sum(each.largest > tolerance for each in differences)
    answers.print(
        f"{len(differences)} blobs compared, {over} differ by more than {tolerance:g} of their largest value"
    )
    return over


@app.command(rich_help_panel=NETWORKS)
def convert(
    model: CaffeNet,
    output: Annotated[Path, typer.Argument(help="New folder to write; open it as any model.")],
    weights: Weights = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a folder that was converted before.")
    ] = False,
) -> None:
    """Convert a Caffe net to a folder of safetensors and JSON, which opens at once."""
    from batcountry.models.loaders.caffe import open_caffe
    from batcountry.models.loaders.caffe_names import caffe_source
    from batcountry.models.loaders.converted import NAMES, save_converted

    source, mean = caffe_source(model)
    if is_same(output, source):
        raise ModelError(f"{output} is the net itself; name another folder")
    check_new(output, overwrite=overwrite)
    check_folder_of_ours(output, NAMES, [source, weights])
    check_makeable(output)
    save_converted(open_caffe(source, weights, mean), output)
    out.print(f"the model is in {plain(output)}; use it with --model {plain(output)}")
