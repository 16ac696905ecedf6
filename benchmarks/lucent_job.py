"""torch-lucent on the sizes of a dream, timed; run by `peers.py` in the peers' virtual environment.

    python lucent_job.py MODEL WIDTH HEIGHT

lucent has no octaves and starts from noise; what is timed is ten of its steps at each of the four
sizes, on pixels, with the deep dream's objective and jitter, on neural-dream's GoogLeNet module.
Stand-ins for `torchvision`, which cannot be imported here, and for `kornia`, of which the jitter alone is used.
"""

import sys
import time
import types

import torch

LAYER = "inception_4c_output"


def rolled(image, shift):
    """Move a picture by whole pixels, as kornia's `translate` is asked to for jitter."""
    return torch.roll(image, (int(shift[0, 1]), int(shift[0, 0])), (2, 3))


def stand_in() -> None:
    """Put empty modules in the places that lucent and neural-dream import from."""
    names = ("torchvision", "torchvision.transforms", "torchvision.models")
    for name in (*names, "kornia", "kornia.geometry", "kornia.geometry.transform"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["kornia.geometry.transform"].translate = rolled
    sys.modules["kornia"].__version__ = "0.4.1"
    sys.modules["torchvision"].models = sys.modules["torchvision.models"]
    sys.modules["torchvision.transforms"].Normalize = None
    # What shows pictures in notebooks imports half of IPython.
    shown = types.ModuleType("lucent.misc.io")
    shown.show = print
    sys.modules["lucent.misc.io"] = shown


def main() -> None:
    path, width, height = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    stand_in()
    from lucent.optvis import objectives, param, render, transform
    from neural_dream.neural_dream_core.models.googlenet.bvlc_googlenet import BVLC_GOOGLENET

    model = BVLC_GOOGLENET()
    model.load_state_dict(torch.load(path), strict=False)
    model.add_layers()
    model.eval().requires_grad_(False)

    @objectives.wrap_objective()
    def dream():
        return lambda activations: -activations(LAYER).pow(2).mean()

    start = time.perf_counter()
    for octave in (3, 2, 1, 0):
        size = round(width / 1.4**octave), round(height / 1.4**octave)
        render.render_vis(
            model,
            dream(),
            lambda size=size: param.image(*size, fft=False, decorrelate=False),
            transforms=[transform.jitter(32)],
            thresholds=(10,),
            preprocess=False,
            progress=False,
            show_image=False,
        )
    print(f"SECONDS {time.perf_counter() - start:.3f}")


if __name__ == "__main__":
    main()
