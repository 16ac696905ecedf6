"""neural-dream's own program on one picture, timed; run by `peers.py` in the peers' virtual environment.

    python neural_dream_job.py MODEL PICTURE OUTPUT

Two things stand in for what does not run: `torchvision`, which cannot be imported beside a CPU
build of PyTorch of this age, has here the six transforms that neural-dream uses; and where the rest
of the net fails after the dreamed layer, as it does on small octaves, the failure is passed over.
"""

import sys
import time
import types

import numpy as np
import torch
from PIL import Image

LAYER = "inception_4c_output"


def stand_in() -> None:
    """Put the transforms that neural-dream uses where it looks for torchvision's."""
    transforms, models = types.ModuleType("torchvision.transforms"), types.ModuleType("torchvision.models")

    class Compose:
        def __init__(self, steps):
            self.steps = steps

        def __call__(self, x):
            for step in self.steps:
                x = step(x)
            return x

    def resize(size):
        return lambda image: image.resize((size[1], size[0]), Image.BILINEAR)

    def to_tensor():
        return lambda image: torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255

    def normalize(mean, std):
        mean, std = (torch.tensor(each).reshape(-1, 1, 1) for each in (mean, std))
        return lambda x: (x - mean) / std

    def to_picture():
        return lambda x: Image.fromarray(np.uint8((x.detach() * 255).permute(1, 2, 0).clamp(0, 255).numpy()))

    transforms.Compose, transforms.Resize, transforms.ToTensor = Compose, resize, to_tensor
    transforms.Normalize, transforms.ToPILImage = normalize, to_picture
    transforms.Lambda = lambda function: function
    package = types.ModuleType("torchvision")
    package.transforms, package.models = transforms, models
    sys.modules.update(
        {"torchvision": package, "torchvision.transforms": transforms, "torchvision.models": models}
    )


def passing_over(network) -> None:
    """Let a network's forward pass end where it fails after the dreamed layer."""
    forward, reached = network.forward, []

    def patient(self, x):
        reached.clear()
        try:
            return forward(self, x)
        except RuntimeError:
            if not reached:
                raise
            return None

    network.forward, network.reached = patient, reached


def main() -> None:
    model, picture, output = sys.argv[1:]
    size = max(Image.open(picture).size)
    sys.argv = [
        "neural-dream", "-model_file", model, "-content_image", picture, "-output_image", output,
        "-image_size", str(size), "-gpu", "c", "-dream_layers", LAYER, "-num_iterations", "1",
        "-num_octaves", "4", "-octave_scale", str(1 / 1.4), "-octave_iter", "10", "-jitter", "32",
        "-seed", "0", "-disable_check", "-save_iter", "0", "-print_iter", "0",
    ]  # fmt: skip
    stand_in()
    from neural_dream import neural_dream
    from neural_dream.neural_dream_core import loss_layers
    from neural_dream.neural_dream_core.models.googlenet.bvlc_googlenet import BVLC_GOOGLENET

    passing_over(BVLC_GOOGLENET)
    hook = loss_layers.DreamLossHook.forward

    def noted(self, module, inputs, result):
        BVLC_GOOGLENET.reached.append(True)
        return hook(self, module, inputs, result)

    loss_layers.DreamLossHook.forward = noted
    load, loading = neural_dream.loadCaffemodel, []

    def timed_load(*arguments):
        start = time.perf_counter()
        found = load(*arguments)
        loading.append(time.perf_counter() - start)
        return found

    neural_dream.loadCaffemodel = timed_load
    start = time.perf_counter()
    neural_dream.main()
    print(f"SECONDS {time.perf_counter() - start - sum(loading):.3f}")


if __name__ == "__main__":
    main()
