"""`BatCountry`, the class of 2015, for the programs written against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from batcountry.backend.allocator import kept_memory
from batcountry.backend.devices import pick_device
from batcountry.caffe import TEST, Blob, Net
from batcountry.caffe.io import Transformer
from batcountry.dreams import octaves
from batcountry.dreams.classic_calls import called, place_of
from batcountry.dreams.classic_pictures import guide_levels, levels_of, made, step_levels
from batcountry.dreams.loop import climb
from batcountry.dreams.octave_sizes import runnable_sizes
from batcountry.dreams.octave_steps import OctaveSteps
from batcountry.image.resample import resize
from batcountry.models import Model
from batcountry.models.loaders.caffe import BVLC_MEAN, open_caffe
from batcountry.objectives import layer
from batcountry.optim.ascent import classic_ascent
from batcountry.optim.finite import finite_size
from batcountry.optim.gradient import finite_gradient

Array = NDArray[np.float32]
Visualizations = list[tuple[str, Array]]

_BGR = (2, 1, 0)
_GUIDE_SIDE = 244  # not 224: what the original did, and what stored guided dreams were made with


class BatCountry:
    """Deep dreams on a Caffe net, with each part of the algorithm open to be replaced.

    Parameters
    ----------
    base_path
        Folder of the model.
    deploy_path, model_path
        By default `deploy.prototxt` and `bvlc_googlenet.caffemodel` in that folder.
    patch_model
        Accepted for old callers; nothing needs patching and no file is written.
    mean
        In gray levels, one a channel in the net's own order (blue, green, red).
    channels
        Where the net's channels stand in an RGB picture.

    Attributes
    ----------
    net
        The `batcountry.caffe.Net`; its `transformer` holds the mean.
    """

    def __init__(
        self,
        base_path: str | Path,
        deploy_path: str | Path | None = None,
        model_path: str | Path | None = None,
        patch_model: str = "./tmp.prototxt",  # noqa: ARG002
        mean: Sequence[float] = BVLC_MEAN,
        channels: Sequence[int] = _BGR,
    ) -> None:
        self._files = (
            Path(deploy_path or Path(base_path) / "deploy.prototxt"),
            Path(model_path or Path(base_path) / "bvlc_googlenet.caffemodel"),
        )
        self._mean, self._channels = tuple(float(each) for each in mean), tuple(channels)
        self._model: Model | None = None
        self.net = Net(*self._files, TEST)
        self.net.transformer = Transformer({"data": self.net.blobs["data"].shape})
        self.net.transformer.set_transpose("data", (2, 0, 1))
        self.net.transformer.set_mean("data", np.asarray(self._mean, np.float32))
        self.net.transformer.set_channel_swap("data", self._channels)

    def dream(
        self,
        image: Any,
        iter_n: int = 10,
        octave_n: int = 4,
        octave_scale: float = 1.4,
        end: str = "inception_4c/output",
        clip: bool = True,
        step_fn: Callable[..., None] | None = None,
        objective_fn: Callable[..., None] | None = None,
        preprocess_fn: Callable[..., Array] | None = None,
        deprocess_fn: Callable[..., Array] | None = None,
        verbose: bool = True,
        visualize: bool = False,
        **step_params: Any,
    ) -> Any:
        """Dream on a picture.

        Where nothing is replaced the dream runs on the engine; otherwise on `net`, step by step.
        Either draws the same random numbers, `numpy.random.randint`, once a step.

        Parameters
        ----------
        image
            H×W×3 float, RGB, 0–255, as `numpy.float32` makes of a picture; also H×W, H×W×1, H×W×2 and H×W×4, of gray,
            gray with opacity, and RGB with opacity, which is left out. An array does not say that it is of CMYK or of a
            palette's numbers, so such pictures are given as PIL images, which may have any mode, or as whatever else
            `batcountry.read_picture` takes. Your own `preprocess_fn` is handed what was given.
        end
            Name of a blob, or of a layer in `layers()`, such as a ReLU that works in place on the blob of another. `data` is
            the picture itself, whose colors grow apart.
        step_fn, objective_fn, preprocess_fn, deprocess_fn
            In place of `gradient_ascent_step`, `L2_objective`, `preprocess` and `deprocess`. Each
            is handed only the keywords that it accepts.
        step_params
            For the step function; what it does not know goes on to the objective.

        Returns
        -------
        H×W×3 float, RGB, 0–255; with `visualize`, that and a list of (key, picture) for each step.

        Raises
        ------
        KeyError
            If there is no blob and no layer `end`.
        PictureError, ModelError, RecipeError
            If that is no picture; if a step is not finite, for what layer is said.
        """
        place, _ = place_of(self.net, end)
        image = image if preprocess_fn is not None else levels_of(image)
        options = {"end": end, "clip": clip, **step_params}
        parts = (step_fn, objective_fn, preprocess_fn, deprocess_fn)
        known = step_params.keys() <= {"step_size", "jitter"}
        if parts == (None,) * 4 and known and self._channels == _BGR and self._is_in_engine(place):
            steps = self._on_engine(image, iter_n, (octave_n, octave_scale), **{**options, "end": place})
        else:
            steps = self._on_net(image, iter_n, (octave_n, octave_scale), parts, options)
        seen: Visualizations = []
        last: Callable[[], Array] | None = None
        for octave, iteration, shape, last in steps:
            if verbose:
                print(f"octave={octave}, iter={iteration}, layer={end}, image_dim={shape}")
            if visualize:
                shown = last()
                if not clip:
                    shown = shown * np.float32(255.0 / np.percentile(shown, 99.98))
                seen.append((f"octave_{octave}-iter_{iteration}-layer_{end.replace('/', '_')}", shown))
        result = None if last is None else last()
        if result is None:  # no iterations leave the picture as it is
            planes = called(preprocess_fn or self.preprocess, self.net, image, options)
            result = called(deprocess_fn or self.deprocess, self.net, planes, options)
        return (result, seen) if visualize else result

    def _on_engine(
        self,
        image: NDArray[Any],
        iterations: int,
        pyramid: tuple[int, float],
        end: str,
        clip: bool,
        step_size: float = 1.5,
        jitter: int = 32,
    ) -> Any:
        engine, objective = self._engine(), layer(end)
        base = torch.from_numpy(np.array(image, dtype=np.float32)).permute(2, 0, 1)[None].contiguous()
        sizes = runnable_sizes(engine, objective.layers, (base.shape[-2], base.shape[-1]), *pyramid)
        ascent = classic_ascent(finite_gradient(engine, objective), step_size, jitter, clip, np.random)
        steps = OctaveSteps(engine, (end, step_size, jitter, clip), ascent, ascent.on, iterations)
        for step in climb(base.to(engine.device), sizes, iterations, lambda image, _: steps.begin(image, {})):
            yield step.octave, step.iteration, (*step.size, 3), partial(step_levels, step)

    def _on_net(
        self,
        image: NDArray[Any],
        iterations: int,
        pyramid: tuple[int, float],
        parts: tuple[Callable[..., Any] | None, ...],
        options: dict[str, Any],
    ) -> Any:
        step, objective = parts[0] or self.gradient_ascent_step, parts[1] or self.L2_objective
        preprocess, deprocess = parts[2] or self.preprocess, parts[3] or self.deprocess
        base = torch.from_numpy(np.ascontiguousarray(called(preprocess, self.net, image, options)))[None]
        height, width = base.shape[-2:]
        place, _ = place_of(self.net, options["end"])
        layers = (place,) if self._is_in_engine(place) else ()
        sizes = runnable_sizes(self._engine(), layers, (height, width), *pyramid)
        source, detail = self.net.blobs["data"], None
        with kept_memory():
            for octave, octave_base in enumerate(octaves.pyramid(base, sizes)):
                height, width = sizes[octave]
                rows, columns = self._engine().padded_size(sizes[octave], layers)
                source.reshape(*octave_base.shape[:2], rows, columns)
                start = octave_base if detail is None else octave_base + resize(detail, sizes[octave])
                # The steps may roll what they are given, so what is beyond the picture goes on as its edge does.
                beyond = ((0, 0), (0, 0), (0, rows - height), (0, columns - width))
                source.data[...] = np.pad(start.numpy(), beyond, mode="edge")
                for iteration in range(iterations):
                    called(step, self.net, None, {**options, "objective_fn": objective})
                    finite_size(source.data, options["end"])
                    picture = source.data[0, :, :height, :width]
                    picture = called(deprocess, self.net, picture, options)
                    yield octave, iteration, picture.shape, partial(made, picture)
                detail = torch.from_numpy(source.data[..., :height, :width].copy()) - octave_base

    def _engine(self) -> Model:
        if self._model is None:
            blue, green, red = self._mean
            self._model = open_caffe(*self._files, mean=(blue, green, red)).to(pick_device("auto"))
        return self._model

    def _is_in_engine(self, end: str) -> bool:
        """Whether the engine's network has a layer of that name; inputs are blobs of the net alone."""
        return any(found.name == end for found in self._engine().layers)

    @staticmethod
    def gradient_ascent_step(
        net: Net,
        step_size: float = 1.5,
        end: str = "inception_4c/output",
        jitter: int = 32,
        clip: bool = True,
        objective_fn: Callable[..., None] | None = None,
        **objective_params: Any,
    ) -> None:
        """Roll the picture by a random amount, step along the objective's gradient, roll back, clip.

        Works on `net.blobs["data"]`, by `step_size` gray levels on average; raises `RecipeError` if that is not finite.
        """
        source, (place, target) = net.blobs["data"], place_of(net, end)
        ox, oy = np.random.randint(-jitter, jitter + 1, 2)
        source.data[0] = np.roll(source.data[0], (oy, ox), (-2, -1))
        net.forward(end=place)
        (objective_fn or BatCountry.L2_objective)(target, **objective_params)
        net.backward(start=place)
        gradient = source.diff[0]
        size = finite_size(gradient, end)
        if size > 0:
            source.data[:] += step_size / size * gradient
        source.data[0] = np.roll(source.data[0], (-oy, -ox), (-2, -1))
        if clip:
            mean = net.transformer.mean["data"]
            source.data[:] = np.clip(source.data, -mean, 255 - mean)

    @staticmethod
    def L2_objective(dst: Blob) -> None:  # noqa: N802
        """Make more of all activations of a blob: they are their own gradient."""
        dst.diff[:] = dst.data

    @staticmethod
    def guided_objective(dst: Blob, objective_features: Array) -> None:
        """Pull each position of a blob toward the guide's feature with the largest dot product.

        `objective_features` is (C, H, W), from `prepare_guide`.
        """
        channels = dst.data.shape[1]
        features = objective_features.reshape(channels, -1)
        nearest = (dst.data[0].reshape(channels, -1).T @ features).argmax(1)
        dst.diff[0] = features[:, nearest].reshape(dst.data.shape[1:])

    @staticmethod
    def preprocess(net: Net, img: NDArray[Any]) -> Array:
        """Return a picture, H×W×3 RGB, as the net's input, 3×H×W in its channel order less its mean."""
        planes = np.asarray(img, np.float32).transpose(2, 0, 1)[list(net.transformer.channel_swap["data"])]
        return np.asarray(planes - net.transformer.mean["data"])

    @staticmethod
    def deprocess(net: Net, img: NDArray[Any]) -> Array:
        """Return the picture, H×W×3 RGB, of an input of the net."""
        planes = (img + net.transformer.mean["data"])[np.argsort(net.transformer.channel_swap["data"])]
        return np.ascontiguousarray(planes.transpose(1, 2, 0))

    def prepare_guide(
        self,
        image: Any,
        end: str = "inception_4c/output",
        maxW: int = 224,  # noqa: ARG002, N803
        maxH: int = 224,  # noqa: ARG002, N803
        preprocess_fn: Callable[..., Array] | None = None,
    ) -> Array:
        """Return the features, (C, H, W), of a guide picture at the layer `end`.

        The picture, of the kinds that `dream` takes, is resized to 244×244, as the original does whatever `maxW` and
        `maxH` say.
        """
        source, (place, target) = self.net.blobs["data"], place_of(self.net, end)
        resized = guide_levels(image, _GUIDE_SIDE)
        source.reshape(1, 3, _GUIDE_SIDE, _GUIDE_SIDE)
        source.data[0] = called(preprocess_fn or self.preprocess, self.net, resized, {})
        self.net.forward(end=place)
        return target.data[0].copy()

    def layers(self) -> list[str]:
        """Return the names of the net's layers, in order."""
        return self.net._layer_names

    def cleanup(self) -> None:
        """Do nothing; nothing was left behind. May be called any number of times."""
