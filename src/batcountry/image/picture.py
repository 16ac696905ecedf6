"""Pictures: what a dream starts from and ends as. `batcountry.image.reading` reads them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from batcountry.backend.outputs import Output
from batcountry.errors import PictureError
from batcountry.image.files import QUALITY, SUFFIXES, check_writable, encode, encoded
from batcountry.image.pixel_arrays import digest_of
from batcountry.image.sizes import scaled_size
from batcountry.image.streams import encode_to
from batcountry.recipe.validation import is_of_film

if TYPE_CHECKING:
    from batcountry.recipe import Recipe

Pixels = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with what has to survive a dream.

    It is never changed; what makes another of it returns that. Names that PIL's images have too mean the same here:
    `size`, `width`, `height`, `mode`, `resize`, `crop`, `show`, `save`; `image()` is the PIL image for all else.
    `numpy.asarray(picture)` is what it is for that image, H×W×3 uint8, or H×W×4 with transparency.

    Attributes
    ----------
    pixels
        H×W×3 float32, RGB in gray levels 0–255.
    alpha
        H×W uint8, or None if there is no transparency.
    icc
        An RGB color profile, or None.
    source
        The file's name as it was given, or None if it was no file.
    sha256
        Of the file's bytes; of shape, type and content of anything else.
    note
        JSON text of the `Note` it carries, or None.
    frames
        How many frames or pages the file has, of which this is one.
    """

    pixels: Pixels = field(repr=False)
    alpha: NDArray[np.uint8] | None = field(default=None, repr=False)
    icc: bytes | None = field(default=None, repr=False)
    source: str | None = None
    sha256: str = ""
    note: str | None = field(default=None, repr=False)
    frames: int = field(default=1, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.size[0]

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.size[1]

    @property
    def mode(self) -> str:
        """`RGB`, or `RGBA` if there is transparency, as PIL has it."""
        return "RGB" if self.alpha is None else "RGBA"

    @property
    def recipe(self) -> Recipe | None:
        """The recipe that it was dreamed by, from its note; None if it has none, or is a film's frame.

        Raises
        ------
        RecipeError
            If it has a note that cannot be read.
        """
        from batcountry.recipe import Note

        if self.note is None or is_of_film(self.note):
            return None
        return Note.read(self.note).recipe

    def array(self) -> NDArray[np.uint8]:
        """Return H×W×3 uint8, rounded to the nearest gray level."""
        levels = np.clip(self.pixels, 0, 255)
        return np.rint(levels, out=levels).astype(np.uint8)

    def image(self) -> Image.Image:
        """Return a PIL image, RGB, or RGBA if there is transparency."""
        image = Image.fromarray(self.array())
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        if self.icc:
            image.info["icc_profile"] = self.icc
        return image

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return what `numpy.asarray` gives for `image()`; raises `ValueError` for `copy=False`, as levels are rounded."""
        if copy is False:
            raise ValueError("a picture's levels are rounded into a new array, so copy=False cannot be")
        levels = self.array()
        channels = levels if self.alpha is None else np.dstack([levels, self.alpha])
        return channels if dtype is None else channels.astype(dtype, copy=False)

    @overload
    def save(
        self,
        path: str | PathLike[str],
        format: str | None = None,
        *,
        quality: int = QUALITY,
        overwrite: bool = False,
    ) -> Path: ...
    @overload
    def save(
        self, path: IO[bytes], format: str | None = None, *, quality: int = QUALITY, overwrite: bool = False
    ) -> None: ...
    def save(
        self,
        path: str | PathLike[str] | IO[bytes],
        format: str | None = None,
        *,
        quality: int = QUALITY,
        overwrite: bool = False,
    ) -> Path | None:
        """Write a PNG, JPEG, WebP or TIFF, with the note inside, and return the path.

        JPEG has no transparency, so alpha is dropped there. The file is written beside its
        place and renamed, so a failure leaves nothing half-written. What is there already is replaced
        only with `overwrite`.

        Parameters
        ----------
        path
            A file's name, or a file that is open for writing bytes, such as `io.BytesIO()`; then None is returned.
        format
            `PNG`, `JPEG`, `WEBP` or `TIFF`; by default what the name's suffix says. An open file without a name needs it.
        quality
            Of JPEG and WebP, 1 to 100.

        Raises
        ------
        OutputExists
            If something is there and not `overwrite`; a `PictureError`, too.
        PictureError
            If the suffix or `format` is another, or the file cannot be written.
        """
        if isinstance(path, (str, PathLike)):
            return encode(
                self.image(),
                Path(path),
                format,
                note=self.note,
                icc=self.icc,
                quality=quality,
                overwrite=overwrite,
            )
        encode_to(path, self.image(), format, note=self.note, icc=self.icc, quality=quality)
        return None

    def show(self, title: str | None = None) -> None:
        """Show the picture in the desktop's own viewer, or within a notebook.

        Raises
        ------
        PictureError
            If there is no viewer.
        """
        from PIL import ImageShow  # which imports IPython where that is

        if not ImageShow.show(self.image(), title):
            raise PictureError("there is no program here that shows pictures; save it and open the file")

    def resize(self, size: tuple[int, int], resample: Image.Resampling = Image.Resampling.LANCZOS) -> Picture:
        """Return another picture, of a (width, height), without note and source; see also `fitted` and `enlarged`."""
        if len(size) != 2 or not all(isinstance(side, (int, np.integer)) and side > 0 for side in size):
            raise PictureError(f"a picture's size is a width and a height in pixels, not {size!r}")
        return self._resized(size, resample)._another()

    def crop(self, box: tuple[int, int, int, int]) -> Picture:
        """Return a part as another picture, without note and source: from left and upper to right and lower, in pixels.

        Raises
        ------
        PictureError
            If the box has no pixels, or leaves the picture.
        """
        left, upper, right, lower = box
        if not (0 <= left < right <= self.width and 0 <= upper < lower <= self.height):
            raise PictureError(
                f"a picture of {self.width}×{self.height} pixels has no part {box}; give left, upper, right, lower within it"
            )
        rows, columns = slice(upper, lower), slice(left, right)
        alpha = None if self.alpha is None else self.alpha[rows, columns].copy()
        return replace(self, pixels=self.pixels[rows, columns].copy(), alpha=alpha)._another()

    def fitted(self, longest: int) -> Picture:
        """Return the picture shrunk, with antialiasing, so that its longer side is at most `longest` pixels."""
        return self if max(self.size) <= longest else self._scaled(longest)

    def enlarged(self, longest: int) -> Picture:
        """Return the picture enlarged so that its longer side has at least `longest` pixels."""
        return self if max(self.size) >= longest else self._scaled(longest)

    def _scaled(self, longest: int) -> Picture:
        return self._resized(scaled_size(self.size, longest))

    def _resized(
        self, size: tuple[int, int], resample: Image.Resampling = Image.Resampling.LANCZOS
    ) -> Picture:
        planes = [
            Image.fromarray(self.pixels[..., i]).resize(size, resample) for i in range(self.pixels.shape[2])
        ]
        pixels = np.clip(np.dstack([np.asarray(plane) for plane in planes]), 0, 255)
        return self.with_pixels(pixels.astype(np.float32))

    def with_pixels(self, pixels: Pixels) -> Picture:
        """Return this picture with other pixels, H×W×3; alpha is resized with them."""
        alpha = self.alpha
        if alpha is not None and alpha.shape != pixels.shape[:2]:
            alpha = np.asarray(Image.fromarray(alpha).resize(pixels.shape[1::-1], Image.Resampling.BILINEAR))
        return replace(self, pixels=pixels, alpha=alpha)

    def with_note(self, note: str) -> Picture:
        """Return this picture carrying `note`."""
        return replace(self, note=note)

    def _another(self) -> Picture:
        """Return it as a picture of its own: of no file, and of no recipe."""
        return replace(self, source=None, sha256=digest_of(self.pixels), note=None, frames=1)

    def __repr__(self) -> str:
        source = "" if self.source is None else f", source={self.source!r}"
        return f"{type(self).__name__}({self.width}×{self.height}, {self.mode}{source}{', with a note' if self.note else ''})"

    def _repr_png_(self) -> bytes:
        # A notebook keeps what it shows within itself, so large pictures are shown smaller.
        return encoded(self.fitted(1024).image(), "PNG", "the picture", note=None, icc=None, quality=95)


def put_picture(picture: Picture, output: Output) -> Path:
    """Write a picture to an output, whole or not at all, and return where it is.

    Raises
    ------
    PictureError
        If it cannot be written there.
    """
    path = output.path
    check_writable(path)
    data = encoded(
        picture.image(),
        SUFFIXES[path.suffix.lower()],
        path.name,
        note=picture.note,
        icc=picture.icc,
        quality=QUALITY,
    )
    try:
        return output.write(data)
    except OSError as error:
        raise PictureError(f"cannot write {path}: {error.strerror or error}") from None
