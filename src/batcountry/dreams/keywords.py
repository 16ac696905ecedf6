"""Keywords of dreams and films with their types, for type checkers and editors.

Written by `make keywords` from the fields of `Recipe` and its like; change those, not this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from batcountry.dreams.functions import MakeOptimizer
from batcountry.image.picture import Picture
from batcountry.image.reading import FileLike
from batcountry.models import Model
from batcountry.objectives import Objective, Score
from batcountry.optim.param import MakeParam
from batcountry.optim.transforms import Transform

PictureLike = FileLike | Image.Image | NDArray[Any] | Tensor | Picture
"""What `batcountry.read_picture` makes a picture of."""

ModelLike = str | PathLike[str] | nn.Module | Model
"""A network: its name or path, a PyTorch module, or one that is open."""

CurveLike = float | str | Mapping[int, float] | Mapping[str, float]
"""A value over time: a number, a curve's text, or a mapping from frames to numbers."""

TransformLike = Transform | Callable[[Tensor], Tensor] | nn.Module
"""What happens to pictures before the network sees them; see `batcountry.optim.transforms.functions`."""


class DreamOptions(TypedDict, total=False):
    """Keywords of `batcountry.dream`: the fields of `Recipe`."""

    preset: str | None
    """Name of options that go well together, before the others; see `batcountry.recipe.presets`."""
    model: ModelLike
    """A known model's name, a Caffe folder, a .onnx, .pt2 or TorchScript file, timm:NAME,
    torchvision:NAME, or package.module:function (default: efficientnet-lite0).
    """
    weights: str | None
    """File of weights for the model: safetensors, a state dict, or a .caffemodel."""
    mean: str | None
    """What the network takes off each channel, such as 0.485,0.456,0.406; or a Caffe mean file."""
    std: str | None
    """What the network divides each channel by after that, such as 0.229,0.224,0.225."""
    channels: str | None
    """What the network takes: rgb, bgr, gray, rgba, or a number of channels; or which of a Caffe net's
    inputs.
    """
    layer: str | None
    """Layer to dream with; the model's own default if not given."""
    guide: PictureLike | None
    """Picture file whose features the dream should take on."""
    objective: str | Objective | Score | None
    """What to make more of, as text, in place of a layer: channel("blocks.10", 17) - 0.1*layer("stem")."""
    octaves: int | None
    """How many sizes, coarse to fine; by the picture's size if not given."""
    octave_scale: float
    """Each size is this many times the one before (default: 1.4)."""
    initial_size: str | None
    """Size of the first octave, x0.5 of the picture or HEIGHTxWIDTH, in place of octave_scale."""
    final_size: str | None
    """Size of the last octave, given likewise; the picture's own if only initial_size is given."""
    spacing: Literal["geometric", "linear"]
    """How sizes between initial_size and final_size are spaced. One of geometric, linear (default:
    geometric).
    """
    carry: str
    """What an octave hands to the next: detail, which the picture gets at its new size; or the picture
    (default: detail).
    """
    strength: Literal["gentle", "normal", "wild"]
    """How far a dream goes: steps are 0.5 times (gentle), once or 1.5 times (wild) their size. One of
    gentle, normal, wild (default: normal).
    """
    iterations: int
    """Steps in each octave (default: 10)."""
    step_size: float | None
    """Size of a step, in gray levels for decorrelated (default: 2.7) and pixels (default: 1.5)."""
    param: str | MakeParam | None
    """How the picture is held while it grows; decorrelated if not given, and pixels where the network
    takes no colors, or with windows or no-clip. One of decorrelated, pixels, fourier, soft-fourier,
    maco.
    """
    optimizer: str | MakeOptimizer
    """How a step follows the gradient. One of ascent, adam, rmsprop, rmsprop-cnn-vis (default: ascent)."""
    normalize: Literal["mean", "std", "rms", "bands", "none"] | None
    """What ascent divides the gradient by: its mean (absolute) value, std, rms, nothing (none), or bands:
    each size of structure by its own strength (default: bands for decorrelated, mean for all others).
    """
    smoothing: float | None
    """How much of the past adam (0.9) and either rmsprop (0.95) keep in a step."""
    decay: float
    """The step size is multiplied by this, every so many steps (default: 1.0)."""
    decay_every: int
    """Steps from one decay to the next; 0 for none (default: 0)."""
    transforms: str | TransformLike | Sequence[str | TransformLike] | None
    """What happens to the picture before the network sees it, after the jitter: pad(8), rotate(10)."""
    views: int
    """Copies of the picture that the network sees in each step, each moved and transformed by random
    numbers of its own; the step follows the mean of their gradients (default: 1).
    """
    redirect_relu: int
    """First steps in which ReLUs that are dead all over pass gradient on; for pictures from noise
    (default: 0).
    """
    jitter: int
    """Largest random shift in a step, in pixels (default: 32)."""
    seed: int
    """Of the random shifts, and of the start if no picture is given (default: 0)."""
    alpha: bool
    """Let the picture grow transparent where the objective does not need it (default: False)."""
    fade: float
    """With alpha: a pixel stays that helps so many times as much as the mean one; 0 for no fading
    (default: 2.0).
    """
    mask: PictureLike | None
    """Picture file: the dream grows where it is white, and pixels where it is black stay."""
    start: str
    """What to begin with if no picture is given, as text: sky, noise(scale=10, blur=1), pink or gray
    (default: sky).
    """
    canvas: str
    """Height and width in pixels of the start if no picture is given (default: 576x1024)."""
    clip: bool
    """Keep colors within 0 to 255 in every step (default: True)."""
    color: str
    """Colors of the result: free; keep: the original's at each pixel; match: the original's mean and
    spread (default: free).
    """
    rescale: bool
    """Stretch the finished picture's contrast from black to white (default: False)."""
    frame: int | None
    """Which frame of an animated picture, or page of a TIFF, to dream on, counted from 1; the first if not
    given.
    """
    size: int | None
    """Shrink the picture so that its longer side has this many pixels."""
    enlarge: int | None
    """Enlarge the picture first if its longer side has fewer pixels than this."""
    wrap: Literal["none", "x", "xy"]
    """x: left and right edge fit, for panoramas; xy: all edges fit, for seamless tiles; none: neither
    (default: none).
    """
    precision: Literal["exact", "fast", "auto"]
    """exact: float32; fast: bfloat16 or float16 inside the network; auto: fast where the hardware is made
    for it (default: auto).
    """
    windows: str
    """HEIGHTxWIDTH of overlapping windows to show the network; input: of its own size; none: all at once
    (default: none).
    """
    window_batch: int
    """Windows shown at once (default: 1)."""
    window_rates: bool
    """Divide a pixel's steps by the number of windows over it (default: False)."""
    tile: int | None
    """Side of the tiles for the gradient, in pixels, 0 for none; chosen by memory if not given."""
    view_batch: int | None
    """Of several views, how many the network sees at once; as many as the memory allows if not given."""
    max_memory: str | None
    """Memory that the program may have in all, such as 2GB; three quarters of what is free if not given."""
    device: str
    """Where to run: auto, cpu, cuda, cuda:1, mps or xpu (default: auto)."""


class VisualizeOptions(TypedDict, total=False):
    """Keywords of `batcountry.visualize`: those of a dream, less what its objectives stand for."""

    preset: str | None
    """Name of options that go well together, before the others; see `batcountry.recipe.presets`."""
    model: ModelLike
    """A known model's name, a Caffe folder, a .onnx, .pt2 or TorchScript file, timm:NAME,
    torchvision:NAME, or package.module:function (default: efficientnet-lite0).
    """
    weights: str | None
    """File of weights for the model: safetensors, a state dict, or a .caffemodel."""
    mean: str | None
    """What the network takes off each channel, such as 0.485,0.456,0.406; or a Caffe mean file."""
    std: str | None
    """What the network divides each channel by after that, such as 0.229,0.224,0.225."""
    channels: str | None
    """What the network takes: rgb, bgr, gray, rgba, or a number of channels; or which of a Caffe net's
    inputs.
    """
    octaves: int | None
    """How many sizes, coarse to fine; by the picture's size if not given."""
    octave_scale: float
    """Each size is this many times the one before (default: 1.4)."""
    initial_size: str | None
    """Size of the first octave, x0.5 of the picture or HEIGHTxWIDTH, in place of octave_scale."""
    final_size: str | None
    """Size of the last octave, given likewise; the picture's own if only initial_size is given."""
    spacing: Literal["geometric", "linear"]
    """How sizes between initial_size and final_size are spaced. One of geometric, linear (default:
    geometric).
    """
    carry: str
    """What an octave hands to the next: detail, which the picture gets at its new size; or the picture
    (default: detail).
    """
    strength: Literal["gentle", "normal", "wild"]
    """How far a dream goes: steps are 0.5 times (gentle), once or 1.5 times (wild) their size. One of
    gentle, normal, wild (default: normal).
    """
    iterations: int
    """Steps in each octave (default: 10)."""
    step_size: float | None
    """Size of a step, in gray levels for decorrelated (default: 2.7) and pixels (default: 1.5)."""
    param: str | MakeParam | None
    """How the picture is held while it grows; decorrelated if not given, and pixels where the network
    takes no colors, or with windows or no-clip. One of decorrelated, pixels, fourier, soft-fourier,
    maco.
    """
    optimizer: str | MakeOptimizer
    """How a step follows the gradient. One of ascent, adam, rmsprop, rmsprop-cnn-vis (default: ascent)."""
    normalize: Literal["mean", "std", "rms", "bands", "none"] | None
    """What ascent divides the gradient by: its mean (absolute) value, std, rms, nothing (none), or bands:
    each size of structure by its own strength (default: bands for decorrelated, mean for all others).
    """
    smoothing: float | None
    """How much of the past adam (0.9) and either rmsprop (0.95) keep in a step."""
    decay: float
    """The step size is multiplied by this, every so many steps (default: 1.0)."""
    decay_every: int
    """Steps from one decay to the next; 0 for none (default: 0)."""
    transforms: str | TransformLike | Sequence[str | TransformLike] | None
    """What happens to the picture before the network sees it, after the jitter: pad(8), rotate(10)."""
    views: int
    """Copies of the picture that the network sees in each step, each moved and transformed by random
    numbers of its own; the step follows the mean of their gradients (default: 1).
    """
    redirect_relu: int
    """First steps in which ReLUs that are dead all over pass gradient on; for pictures from noise
    (default: 0).
    """
    jitter: int
    """Largest random shift in a step, in pixels (default: 32)."""
    seed: int
    """Of the random shifts, and of the start if no picture is given (default: 0)."""
    alpha: bool
    """Let the picture grow transparent where the objective does not need it (default: False)."""
    fade: float
    """With alpha: a pixel stays that helps so many times as much as the mean one; 0 for no fading
    (default: 2.0).
    """
    mask: PictureLike | None
    """Picture file: the dream grows where it is white, and pixels where it is black stay."""
    start: str
    """What to begin with if no picture is given, as text: sky, noise(scale=10, blur=1), pink or gray
    (default: sky).
    """
    canvas: str
    """Height and width in pixels of the start if no picture is given (default: 576x1024)."""
    clip: bool
    """Keep colors within 0 to 255 in every step (default: True)."""
    color: str
    """Colors of the result: free; keep: the original's at each pixel; match: the original's mean and
    spread (default: free).
    """
    rescale: bool
    """Stretch the finished picture's contrast from black to white (default: False)."""
    frame: int | None
    """Which frame of an animated picture, or page of a TIFF, to dream on, counted from 1; the first if not
    given.
    """
    size: int | None
    """Shrink the picture so that its longer side has this many pixels."""
    enlarge: int | None
    """Enlarge the picture first if its longer side has fewer pixels than this."""
    wrap: Literal["none", "x", "xy"]
    """x: left and right edge fit, for panoramas; xy: all edges fit, for seamless tiles; none: neither
    (default: none).
    """
    precision: Literal["exact", "fast", "auto"]
    """exact: float32; fast: bfloat16 or float16 inside the network; auto: fast where the hardware is made
    for it (default: auto).
    """
    windows: str
    """HEIGHTxWIDTH of overlapping windows to show the network; input: of its own size; none: all at once
    (default: none).
    """
    window_batch: int
    """Windows shown at once (default: 1)."""
    window_rates: bool
    """Divide a pixel's steps by the number of windows over it (default: False)."""
    tile: int | None
    """Side of the tiles for the gradient, in pixels, 0 for none; chosen by memory if not given."""
    view_batch: int | None
    """Of several views, how many the network sees at once; as many as the memory allows if not given."""
    max_memory: str | None
    """Memory that the program may have in all, such as 2GB; three quarters of what is free if not given."""
    device: str
    """Where to run: auto, cpu, cuda, cuda:1, mps or xpu (default: auto)."""


class ChannelOptions(TypedDict, total=False):
    """Keywords of pictures of a network's channels, for atlases and looks."""

    preset: str | None
    """Name of options that go well together, before the others; see `batcountry.recipe.presets`."""
    weights: str | None
    """File of weights for the model: safetensors, a state dict, or a .caffemodel."""
    mean: str | None
    """What the network takes off each channel, such as 0.485,0.456,0.406; or a Caffe mean file."""
    std: str | None
    """What the network divides each channel by after that, such as 0.229,0.224,0.225."""
    channels: str | None
    """What the network takes: rgb, bgr, gray, rgba, or a number of channels; or which of a Caffe net's
    inputs.
    """
    octaves: int | None
    """How many sizes, coarse to fine; by the picture's size if not given."""
    octave_scale: float
    """Each size is this many times the one before (default: 1.4)."""
    initial_size: str | None
    """Size of the first octave, x0.5 of the picture or HEIGHTxWIDTH, in place of octave_scale."""
    final_size: str | None
    """Size of the last octave, given likewise; the picture's own if only initial_size is given."""
    spacing: Literal["geometric", "linear"]
    """How sizes between initial_size and final_size are spaced. One of geometric, linear (default:
    geometric).
    """
    carry: str
    """What an octave hands to the next: detail, which the picture gets at its new size; or the picture
    (default: detail).
    """
    strength: Literal["gentle", "normal", "wild"]
    """How far a dream goes: steps are 0.5 times (gentle), once or 1.5 times (wild) their size. One of
    gentle, normal, wild (default: normal).
    """
    iterations: int
    """Steps in each octave (default: 10)."""
    step_size: float | None
    """Size of a step, in gray levels for decorrelated (default: 2.7) and pixels (default: 1.5)."""
    param: str | MakeParam | None
    """How the picture is held while it grows; decorrelated if not given, and pixels where the network
    takes no colors, or with windows or no-clip. One of decorrelated, pixels, fourier, soft-fourier,
    maco.
    """
    optimizer: str | MakeOptimizer
    """How a step follows the gradient. One of ascent, adam, rmsprop, rmsprop-cnn-vis (default: ascent)."""
    normalize: Literal["mean", "std", "rms", "bands", "none"] | None
    """What ascent divides the gradient by: its mean (absolute) value, std, rms, nothing (none), or bands:
    each size of structure by its own strength (default: bands for decorrelated, mean for all others).
    """
    smoothing: float | None
    """How much of the past adam (0.9) and either rmsprop (0.95) keep in a step."""
    decay: float
    """The step size is multiplied by this, every so many steps (default: 1.0)."""
    decay_every: int
    """Steps from one decay to the next; 0 for none (default: 0)."""
    transforms: str | TransformLike | Sequence[str | TransformLike] | None
    """What happens to the picture before the network sees it, after the jitter: pad(8), rotate(10)."""
    views: int
    """Copies of the picture that the network sees in each step, each moved and transformed by random
    numbers of its own; the step follows the mean of their gradients (default: 1).
    """
    redirect_relu: int
    """First steps in which ReLUs that are dead all over pass gradient on; for pictures from noise
    (default: 0).
    """
    jitter: int
    """Largest random shift in a step, in pixels (default: 32)."""
    seed: int
    """Of the random shifts, and of the start if no picture is given (default: 0)."""
    alpha: bool
    """Let the picture grow transparent where the objective does not need it (default: False)."""
    fade: float
    """With alpha: a pixel stays that helps so many times as much as the mean one; 0 for no fading
    (default: 2.0).
    """
    mask: PictureLike | None
    """Picture file: the dream grows where it is white, and pixels where it is black stay."""
    start: str
    """What to begin with if no picture is given, as text: sky, noise(scale=10, blur=1), pink or gray
    (default: sky).
    """
    canvas: str
    """Height and width in pixels of the start if no picture is given (default: 576x1024)."""
    clip: bool
    """Keep colors within 0 to 255 in every step (default: True)."""
    color: str
    """Colors of the result: free; keep: the original's at each pixel; match: the original's mean and
    spread (default: free).
    """
    rescale: bool
    """Stretch the finished picture's contrast from black to white (default: False)."""
    frame: int | None
    """Which frame of an animated picture, or page of a TIFF, to dream on, counted from 1; the first if not
    given.
    """
    enlarge: int | None
    """Enlarge the picture first if its longer side has fewer pixels than this."""
    wrap: Literal["none", "x", "xy"]
    """x: left and right edge fit, for panoramas; xy: all edges fit, for seamless tiles; none: neither
    (default: none).
    """
    precision: Literal["exact", "fast", "auto"]
    """exact: float32; fast: bfloat16 or float16 inside the network; auto: fast where the hardware is made
    for it (default: auto).
    """
    windows: str
    """HEIGHTxWIDTH of overlapping windows to show the network; input: of its own size; none: all at once
    (default: none).
    """
    window_batch: int
    """Windows shown at once (default: 1)."""
    window_rates: bool
    """Divide a pixel's steps by the number of windows over it (default: False)."""
    tile: int | None
    """Side of the tiles for the gradient, in pixels, 0 for none; chosen by memory if not given."""
    view_batch: int | None
    """Of several views, how many the network sees at once; as many as the memory allows if not given."""
    max_memory: str | None
    """Memory that the program may have in all, such as 2GB; three quarters of what is free if not given."""
    device: str
    """Where to run: auto, cpu, cuda, cuda:1, mps or xpu (default: auto)."""


class ZoomOptions(TypedDict, total=False):
    """Keywords of zooms: fields of `ZoomRecipe`, and of its dreams."""

    preset: str | None
    """Name of options that go well together, before the others; see `batcountry.recipe.presets`."""
    keys: Mapping[str, CurveLike | Mapping[int | str, Any]]
    """Curves for fields of the dream, by name."""
    frame_octaves: int
    """Octaves in a frame that carries on the dream of the one before (default: 2)."""
    frame_iterations: int
    """Steps in each octave of a frame that carries on the dream of the one before (default: 2)."""
    opacity: CurveLike
    """How much of a frame's dream is kept: 0 none, 1 all; a number or a curve (default: 1)."""
    anchor: float
    """How firmly the mean and the spread of brightness and colors are held: 0 not, 1 firmly (default:
    1.0).
    """
    codec: Literal["h264", "hevc", "vp9", "av1", "ffv1"] | None
    """Of the video: h264, hevc, vp9, av1 or ffv1; by the file's suffix if not given."""
    quality: int
    """Of the video, 0 to 100; ffv1 loses nothing whatever this is (default: 80)."""
    zoom: CurveLike
    """How many times larger things become from a frame to the next; a number or a curve (default: 1.02)."""
    rotate: CurveLike
    """Degrees that the picture turns from a frame to the next, clockwise; a number or a curve (default:
    0).
    """
    pan_x: CurveLike
    """How far the camera goes to the right in a frame, in percent of the width; a number or a curve
    (default: 0).
    """
    pan_y: CurveLike
    """How far the camera goes down in a frame, in percent of the width; a number or a curve (default: 0)."""
    seconds: float
    """How long the film is (default: 10.0)."""
    frames: int | None
    """How many frames the film has, in place of seconds."""
    fps: str
    """Frames a second: a number, or a fraction such as 30000/1001 (default: 25)."""
    loop: bool
    """Let the end lead back into the beginning without a seam (default: False)."""
    model: ModelLike
    """A known model's name, a Caffe folder, a .onnx, .pt2 or TorchScript file, timm:NAME,
    torchvision:NAME, or package.module:function (default: efficientnet-lite0).
    """
    weights: str | None
    """File of weights for the model: safetensors, a state dict, or a .caffemodel."""
    mean: str | None
    """What the network takes off each channel, such as 0.485,0.456,0.406; or a Caffe mean file."""
    std: str | None
    """What the network divides each channel by after that, such as 0.229,0.224,0.225."""
    channels: str | None
    """What the network takes: rgb, bgr, gray, rgba, or a number of channels; or which of a Caffe net's
    inputs.
    """
    layer: str | None
    """Layer to dream with; the model's own default if not given."""
    guide: PictureLike | None
    """Picture file whose features the dream should take on."""
    objective: str | Objective | Score | None
    """What to make more of, as text, in place of a layer: channel("blocks.10", 17) - 0.1*layer("stem")."""
    octaves: int | None
    """How many sizes, coarse to fine; by the picture's size if not given."""
    octave_scale: float
    """Each size is this many times the one before (default: 1.4)."""
    strength: Literal["gentle", "normal", "wild"]
    """How far a dream goes: steps are 0.5 times (gentle), once or 1.5 times (wild) their size. One of
    gentle, normal, wild (default: normal).
    """
    iterations: int
    """Steps in each octave (default: 10)."""
    step_size: float | None
    """Size of a step, in gray levels for decorrelated (default: 2.7) and pixels (default: 1.5)."""
    param: str | MakeParam | None
    """How the picture is held while it grows; decorrelated if not given, and pixels where the network
    takes no colors, or with windows or no-clip. One of decorrelated, pixels, fourier, soft-fourier,
    maco.
    """
    optimizer: str | MakeOptimizer
    """How a step follows the gradient. One of ascent, adam, rmsprop, rmsprop-cnn-vis (default: ascent)."""
    normalize: Literal["mean", "std", "rms", "bands", "none"] | None
    """What ascent divides the gradient by: its mean (absolute) value, std, rms, nothing (none), or bands:
    each size of structure by its own strength (default: bands for decorrelated, mean for all others).
    """
    smoothing: float | None
    """How much of the past adam (0.9) and either rmsprop (0.95) keep in a step."""
    decay: float
    """The step size is multiplied by this, every so many steps (default: 1.0)."""
    decay_every: int
    """Steps from one decay to the next; 0 for none (default: 0)."""
    transforms: str | TransformLike | Sequence[str | TransformLike] | None
    """What happens to the picture before the network sees it, after the jitter: pad(8), rotate(10)."""
    views: int
    """Copies of the picture that the network sees in each step, each moved and transformed by random
    numbers of its own; the step follows the mean of their gradients (default: 1).
    """
    jitter: int
    """Largest random shift in a step, in pixels (default: 32)."""
    seed: int
    """Of the random shifts, and of the start if no picture is given (default: 0)."""
    mask: PictureLike | None
    """Picture file: the dream grows where it is white, and pixels where it is black stay."""
    size: int | None
    """Shrink the picture so that its longer side has this many pixels."""
    enlarge: int | None
    """Enlarge the picture first if its longer side has fewer pixels than this."""
    precision: Literal["exact", "fast", "auto"]
    """exact: float32; fast: bfloat16 or float16 inside the network; auto: fast where the hardware is made
    for it (default: auto).
    """
    tile: int | None
    """Side of the tiles for the gradient, in pixels, 0 for none; chosen by memory if not given."""
    view_batch: int | None
    """Of several views, how many the network sees at once; as many as the memory allows if not given."""
    max_memory: str | None
    """Memory that the program may have in all, such as 2GB; three quarters of what is free if not given."""
    device: str
    """Where to run: auto, cpu, cuda, cuda:1, mps or xpu (default: auto)."""


class VideoOptions(TypedDict, total=False):
    """Keywords of videos: fields of `VideoRecipe`, and of its dreams."""

    preset: str | None
    """Name of options that go well together, before the others; see `batcountry.recipe.presets`."""
    keys: Mapping[str, CurveLike | Mapping[int | str, Any]]
    """Curves for fields of the dream, by name."""
    frame_octaves: int
    """Octaves in a frame that carries on the dream of the one before (default: 2)."""
    frame_iterations: int
    """Steps in each octave of a frame that carries on the dream of the one before (default: 2)."""
    opacity: CurveLike
    """How much of a frame's dream is kept: 0 none, 1 all; a number or a curve (default: 1)."""
    anchor: float
    """How firmly the mean and the spread of brightness and colors are held: 0 not, 1 firmly (default:
    1.0).
    """
    codec: Literal["h264", "hevc", "vp9", "av1", "ffv1"] | None
    """Of the video: h264, hevc, vp9, av1 or ffv1; by the file's suffix if not given."""
    quality: int
    """Of the video, 0 to 100; ffv1 loses nothing whatever this is (default: 80)."""
    coherence: float
    """How much of the last frame's dream goes on in the next: 0 dreams on every frame anew, in full
    (default: 0.9).
    """
    every: int
    """Dream on every n-th frame only; those between carry its dream along (default: 1)."""
    begin: str | float | None
    """Where to begin, such as 12.5 or 1:30."""
    end: str | float | None
    """Where to end, such as 20 or 1:40."""
    fps: str | None
    """Frames a second of a folder of frames; as its times.json says, or 25, if not given."""
    max_size: int | None
    """Shrink frames so that their longer side has at most so many pixels."""
    model: ModelLike
    """A known model's name, a Caffe folder, a .onnx, .pt2 or TorchScript file, timm:NAME,
    torchvision:NAME, or package.module:function (default: efficientnet-lite0).
    """
    weights: str | None
    """File of weights for the model: safetensors, a state dict, or a .caffemodel."""
    mean: str | None
    """What the network takes off each channel, such as 0.485,0.456,0.406; or a Caffe mean file."""
    std: str | None
    """What the network divides each channel by after that, such as 0.229,0.224,0.225."""
    channels: str | None
    """What the network takes: rgb, bgr, gray, rgba, or a number of channels; or which of a Caffe net's
    inputs.
    """
    layer: str | None
    """Layer to dream with; the model's own default if not given."""
    guide: PictureLike | None
    """Picture file whose features the dream should take on."""
    objective: str | Objective | Score | None
    """What to make more of, as text, in place of a layer: channel("blocks.10", 17) - 0.1*layer("stem")."""
    octaves: int | None
    """How many sizes, coarse to fine; by the picture's size if not given."""
    octave_scale: float
    """Each size is this many times the one before (default: 1.4)."""
    strength: Literal["gentle", "normal", "wild"]
    """How far a dream goes: steps are 0.5 times (gentle), once or 1.5 times (wild) their size. One of
    gentle, normal, wild (default: normal).
    """
    iterations: int
    """Steps in each octave (default: 10)."""
    step_size: float | None
    """Size of a step, in gray levels for decorrelated (default: 2.7) and pixels (default: 1.5)."""
    param: str | MakeParam | None
    """How the picture is held while it grows; decorrelated if not given, and pixels where the network
    takes no colors, or with windows or no-clip. One of decorrelated, pixels, fourier, soft-fourier,
    maco.
    """
    optimizer: str | MakeOptimizer
    """How a step follows the gradient. One of ascent, adam, rmsprop, rmsprop-cnn-vis (default: ascent)."""
    normalize: Literal["mean", "std", "rms", "bands", "none"] | None
    """What ascent divides the gradient by: its mean (absolute) value, std, rms, nothing (none), or bands:
    each size of structure by its own strength (default: bands for decorrelated, mean for all others).
    """
    smoothing: float | None
    """How much of the past adam (0.9) and either rmsprop (0.95) keep in a step."""
    decay: float
    """The step size is multiplied by this, every so many steps (default: 1.0)."""
    decay_every: int
    """Steps from one decay to the next; 0 for none (default: 0)."""
    transforms: str | TransformLike | Sequence[str | TransformLike] | None
    """What happens to the picture before the network sees it, after the jitter: pad(8), rotate(10)."""
    views: int
    """Copies of the picture that the network sees in each step, each moved and transformed by random
    numbers of its own; the step follows the mean of their gradients (default: 1).
    """
    jitter: int
    """Largest random shift in a step, in pixels (default: 32)."""
    seed: int
    """Of the random shifts, and of the start if no picture is given (default: 0)."""
    mask: PictureLike | None
    """Picture file: the dream grows where it is white, and pixels where it is black stay."""
    size: int | None
    """Shrink the picture so that its longer side has this many pixels."""
    enlarge: int | None
    """Enlarge the picture first if its longer side has fewer pixels than this."""
    precision: Literal["exact", "fast", "auto"]
    """exact: float32; fast: bfloat16 or float16 inside the network; auto: fast where the hardware is made
    for it (default: auto).
    """
    tile: int | None
    """Side of the tiles for the gradient, in pixels, 0 for none; chosen by memory if not given."""
    view_batch: int | None
    """Of several views, how many the network sees at once; as many as the memory allows if not given."""
    max_memory: str | None
    """Memory that the program may have in all, such as 2GB; three quarters of what is free if not given."""
    device: str
    """Where to run: auto, cpu, cuda, cuda:1, mps or xpu (default: auto)."""
