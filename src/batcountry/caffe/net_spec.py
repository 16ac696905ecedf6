"""`caffe.net_spec`: nets written in Python, layer by layer, as messages.

    from batcountry.caffe import NetSpec, layers as L, params as P

    n = NetSpec()
    n.data = L.Input(shape=dict(dim=[1, 3, 224, 224]))
    n.conv1 = L.Convolution(n.data, kernel_size=5, num_output=20, weight_filler=dict(type="xavier"))
    n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    Path("net.prototxt").write_text(str(n.to_proto()))

A call of `layers` gives a `Top`, the blob that the layer makes; or as many as `ntop` says. Keywords are fields of the layer's own
parameters, such as `convolution_param`, or of the layer; those that end in `param` are the layer's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from batcountry.caffe.proto import caffe_pb2

__all__ = [
    "Function",
    "Layers",
    "NetSpec",
    "Parameters",
    "Top",
    "assign_proto",
    "layers",
    "params",
    "to_proto",
]


class Top:
    """One of the blobs that a layer makes: the nth of the `Function` fn."""

    def __init__(self, fn: Function, n: int) -> None:
        self.fn = fn
        self.n = n

    def to_proto(self) -> Any:
        """Return a `NetParameter` of the layers that it takes to make this blob, named by their types."""
        return to_proto(self)


class Function:
    """A layer: its type, the `Top`s that it reads, and its parameters.

    Parameters
    ----------
    params
        Fields by name. `ntop` is how many blobs it makes, 1 if not given; `in_place` says that it writes over what it
        reads.

    Raises
    ------
    TypeError
        If something else than a `Top` is to be read, such as a tuple of them.
    """

    def __init__(self, type_name: str, inputs: Iterable[Any], params: Mapping[str, Any]) -> None:
        self.type_name, self.inputs, self.params = type_name, tuple(inputs), dict(params)
        for index, top in enumerate(self.inputs):
            if not isinstance(top, Top):
                raise TypeError(f"{type_name} input {index} is not a Top (type is {type(top)})")
        self.ntop = int(self.params.pop("ntop", 1))
        self.in_place = bool(self.params.pop("in_place", False))
        self.tops = tuple(Top(self, n) for n in range(self.ntop))

    def to_proto(self) -> Any:
        """Return a `NetParameter` of this layer and of those before it, named by their types."""
        return to_proto(self)


class NetSpec:
    """A net whose layers are named as they are assigned: `n.conv1 = layers.Convolution(n.data, …)`.

    Blobs are attributes and items, whichever is handier: `n["conv1/3x3"]`.

    Attributes
    ----------
    tops
        `Top`s by name, in the order they were assigned; a layer that makes no blob is there as its `Function`.
    """

    tops: dict[str, Any]

    def __init__(self) -> None:
        object.__setattr__(self, "tops", {})

    def __setattr__(self, name: str, value: Any) -> None:
        self.tops[name] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "tops":  # asked for by copies and pickles before there are any
            raise AttributeError(name)
        try:
            return self.tops[name]
        except KeyError:
            raise NoSuchTop(f"the net has no blob {name!r} yet; assign it first") from None

    def __delattr__(self, name: str) -> None:
        del self.tops[name]

    __setitem__ = __setattr__
    __getitem__ = __getattr__
    __delitem__ = __delattr__

    def __contains__(self, name: str) -> bool:
        return name in self.tops

    def keys(self) -> list[str]:
        """Return the names of its blobs."""
        return list(self.tops)

    def vals(self) -> list[Any]:
        """Return its blobs."""
        return list(self.tops.values())

    def update(self, name: str, params: Mapping[str, Any]) -> None:
        """Give the layer that makes a blob further parameters."""
        _function(self.tops[name]).params.update(params)

    def to_proto(self) -> Any:
        """Return the `NetParameter` of all assigned blobs, and of layers between that have no name, named by their types."""
        return _proto(self.tops.values(), {top: name for name, top in self.tops.items()})


class NoSuchTop(AttributeError, KeyError):
    """A blob that has not been assigned."""

    __str__ = AttributeError.__str__


def to_proto(*tops: Top | Function) -> Any:
    """Return a `NetParameter` of the layers that it takes to make some blobs, named by their types: `Convolution1`."""
    return _proto(tops, {})


def _proto(tops: Iterable[Any], names: dict[Any, str]) -> Any:
    net, counts = caffe_pb2.NetParameter(), Counter[str]()
    messages: dict[Function, Any] = {}
    for top in tops:
        for function in _in_running_order(_function(top), messages):
            messages[function] = _message(function, messages, names, counts)
    net.layer.extend(messages.values())
    return net


def _function(top: Any) -> Function:
    if isinstance(top, (Top, Function)):
        return top.fn if isinstance(top, Top) else top
    raise TypeError(
        f"a net is made of what caffe.layers returns, not of {type(top)}; assign the blobs one by one"
    )


def _in_running_order(last: Function, done: Mapping[Function, Any]) -> Iterator[Function]:
    """Yield a layer after those that it reads, each once, without those that are done; as deep as may be."""
    waiting = [(last, iter(last.inputs))]
    begun = {last}
    if last in done:
        return
    while waiting:
        function, inputs = waiting[-1]
        before = next((top.fn for top in inputs if top.fn not in done and top.fn not in begun), None)
        if before is None:
            waiting.pop()
            yield function
        else:
            begun.add(before)
            waiting.append((before, iter(before.inputs)))


def _message(
    function: Function, messages: Mapping[Function, Any], names: dict[Any, str], counts: Counter[str]
) -> Any:
    """Return the `LayerParameter` of a layer whose inputs have theirs."""

    def named(part: Top | Function) -> str:
        if part not in names:
            counts[function.type_name] += 1
            names[part] = f"{function.type_name}{counts[function.type_name]}"
        return names[part]

    bottoms = [messages[top.fn].top[top.n] for top in function.inputs]
    layer = caffe_pb2.LayerParameter(type=function.type_name, bottom=bottoms)
    layer.top.extend(bottoms if function.in_place else map(named, function.tops))
    layer.name = names.get(function) or named(function.tops[0] if function.tops else function)
    own = _OWN_PARAMS.get(function.type_name)
    for name, value in function.params.items():
        of_own = own is not None and not name.endswith("param") and _has(getattr(layer, own), name)
        if not of_own and not _has(layer, name):
            raise AttributeError(f"a {function.type_name} layer has no parameter {name!r}")
        assign_proto(getattr(layer, str(own)) if of_own else layer, name, value)
    return layer


def assign_proto(proto: Any, name: str, val: Any) -> None:
    """Set a field of a message to a Python value.

    A dict sets the fields of a message, a list all of a repeated field; one value alone is a list of one there.
    """
    field = getattr(proto, name)
    repeated = hasattr(field, "extend")
    if not repeated and isinstance(val, (list, tuple)):
        raise TypeError(f"{name} takes one value, not a list")
    values = list(val) if isinstance(val, (list, tuple)) else [val]
    for value in values:
        if isinstance(value, Mapping):
            message = field.add() if repeated else field
            message.SetInParent()
            for key, part in value.items():
                assign_proto(message, key, part)
        elif repeated:
            field.extend([value])
        else:
            setattr(proto, name, value)


def _has(message: Any, name: str) -> bool:
    return name in message.DESCRIPTOR.fields_by_name


def param_name_dict() -> dict[str, str]:
    """Return the names of layers' own parameters by the layers' types: `inner_product` for `InnerProduct`."""
    fields = caffe_pb2.LayerParameter.DESCRIPTOR.fields
    ending = "Parameter"
    return {
        field.message_type.name.removesuffix(ending): field.name.removesuffix("_param")
        for field in fields
        if field.name.endswith("_param")
    }


_OWN_PARAMS = {kind: f"{name}_param" for kind, name in param_name_dict().items()}
_OWN_PARAMS |= dict.fromkeys(("Deconvolution", "Im2col"), "convolution_param")


class Layers:
    """A function for each layer type, by its name: `Layers().Convolution(bottom, kernel_size=3)` gives a `Top`."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def layer(*bottoms: Top, **fields: Any) -> Any:
            function = Function(name, bottoms, fields)
            if function.ntop == 1:
                return function.tops[0]
            return function.tops if function.ntop else function

        layer.__name__ = layer.__qualname__ = name
        layer.__doc__ = f"Return what a {name} layer makes of some blobs; see `batcountry.caffe.net_spec`."
        return layer


class Parameters:
    """The constants of layers' parameters: `Parameters().Pooling.MAX`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(caffe_pb2, f"{name}Parameter")


layers = Layers()
params = Parameters()
