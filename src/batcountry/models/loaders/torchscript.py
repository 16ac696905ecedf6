"""TorchScript (`torch.jit.save`) as networks to dream with.

A TorchScript file is a program, and to load it is to run it: what its `__setstate__` says is run at once. So it
is loaded only with the policy's leave. The program is then frozen to a list of operations, which run as those of
`batcountry.models.loaders.program`.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from batcountry.backend.limits import MOST_STEPS, check_layers
from batcountry.backend.process_settings import ignored_warnings
from batcountry.errors import ModelError, first_line
from batcountry.models.loaders.archives import is_archive, open_archive, packed_anew
from batcountry.models.loaders.hashes import open_checked
from batcountry.models.loaders.module import opened
from batcountry.models.loaders.program import Program, Ref, Step, one_picture, used_steps
from batcountry.models.loaders.request import Request
from batcountry.models.model import Model


def open_torchscript(request: Request) -> Model:
    """Open a file that `torch.jit.save` wrote, or a script module that the user's program holds.

    Raises
    ------
    PolicyError
        If no program in a file may be run. A script module that the user's program holds is there already.
    ModelError
        If the file is damaged or no TorchScript, has another hash than was asked for, or its program takes turns that
        depend on the picture, or more work than any network.
    UnsupportedLayer
        If the program does something that is not supported.
    """
    request.only("mean", "std", "input", "size", "classes", kind="a TorchScript program")
    name, script, digest = "TorchScript", request.source, None
    if request.text:
        name, (script, digest) = request.text, _loaded(request)
    return opened(request, read_script(script, name), name, weights_sha256=digest, from_file=True)


def _loaded(request: Request) -> tuple[Any, str]:
    """Return the program of a file and the file's sha256; nothing of it runs before hash, leave and kind are checked."""
    path = request.path
    file, digest = open_checked(path, request.sha256)
    with file:
        if not is_archive(file):
            raise ModelError(
                f"{path} is no TorchScript file; weights alone need the network's code too: package.module:function"
            )
        with open_archive(file, str(path)) as archive:
            if not any("/code/" in each and each.endswith(".py") for each in archive.namelist()):
                raise ModelError(
                    f"{path} has weights in it and no network that can be read without running a pickle; name the network's "
                    f"code, package.module:function, and give this file as its weights (--weights {path})"
                )
            request.policy.check_program(str(path))
            data = packed_anew(archive)
    try:
        with ignored_warnings():
            return torch.jit.load(data, map_location="cpu"), digest  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever its program does as it is loaded
        raise ModelError(f"{path} is damaged ({first_line(error)})") from None


def read_script(script: Any, name: str) -> nn.Module:
    """Return the program of a script module as a module that runs it step by step.

    Raises
    ------
    ModelError
        If it takes turns that depend on the picture.
    UnsupportedLayer
        If it does something that is not supported.
    """
    try:
        with ignored_warnings():
            frozen = torch.jit.freeze(script.eval(), optimize_numerics=False)
    except RuntimeError as error:
        raise ModelError(f"{name} cannot be frozen ({first_line(error)})") from error
    graph = frozen.graph
    source = one_picture([each.debugName() for each in list(graph.inputs())[1:]], name)
    weights: dict[str, Tensor] = {}
    constants: dict[str, Any] = {}
    steps = []
    for node in graph.nodes():
        kind = node.kind()
        if kind in ("prim::Constant", "prim::Uninitialized"):
            value = _constant(node)
            key = node.output().debugName()
            if isinstance(value, Tensor):
                weights[key] = value.detach().clone() if value.is_inference() else value.detach()
            else:
                constants[key] = value
        elif kind == "prim::If" and not list(node.outputs()):
            continue  # a check that raises an error
        elif kind in ("prim::RaiseException", "prim::Print", "aten::warn"):
            continue
        else:
            steps.append(_step(node, constants))
    check_layers(len(steps), name, MOST_STEPS)
    output = next(graph.outputs()).debugName()
    steps = used_steps(steps, output)
    turns = sorted({each.operation for each in steps} & {"prim::If", "prim::Loop"})
    if turns:
        raise ModelError(
            f"{name} takes turns that depend on the picture ({', '.join(turns)}); save it with torch.jit.trace instead"
        )
    return Program(steps, weights, source=source, output=output, where=name).eval()


_OWN = {
    "prim::ListConstruct": "list",
    "prim::TupleConstruct": "list",
    "prim::DictConstruct": "dict",
    "prim::ListUnpack": "same",
    "prim::TupleUnpack": "same",
    "prim::NumToTensor": "same",
    "aten::Int": "Int",
    "aten::len": "len",
    "aten::__getitem__": "getitem",
    "aten::ScalarImplicit": "same",
    "prim::dtype": "dtype",
    "aten::floordiv": "floordiv",
    "prim::unchecked_cast": "same",
}


def _step(node: Any, constants: dict[str, Any]) -> Step:
    kind = node.kind()
    operation = _OWN.get(kind) or (kind.removeprefix("aten::") if kind.startswith("aten::") else kind)
    values = [
        constants[each.debugName()] if each.debugName() in constants else Ref(each.debugName())
        for each in node.inputs()
    ]
    given, named = values, {}
    if kind.startswith("aten::") and node.schema() != "(no schema)":
        arguments = torch._C.parse_schema(node.schema()).arguments
        given = [value for value, each in zip(values, arguments, strict=True) if not each.kwarg_only]
        named = {each.name: value for value, each in zip(values, arguments, strict=True) if each.kwarg_only}
    path = re.sub(r"\([^)]*\)", "", node.getModuleHierarchy() or "")
    inner = [each for each in path.split(".") if each and each not in ("SELF", "UNKNOWN_INSTANCE")]
    results = tuple(each.debugName() for each in node.outputs())
    return Step(operation, ".".join(inner), tuple(given), results, named)


def _constant(node: Any) -> Any:
    if not node.hasAttribute("value"):
        return None
    value = node.output().toIValue()
    return tuple(value) if isinstance(value, list) else value
