"""Dreams that move: endless zooms and dreamed videos.

`zoom` and `video` yield frames; `save_zoom` and `save_video` write films, which `resume` goes on with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batcountry.lazy import lazy_names

if TYPE_CHECKING:
    from batcountry.motion.frames import join_frames as join_frames
    from batcountry.motion.frames import make_frames as make_frames
    from batcountry.motion.making import video as video
    from batcountry.motion.making import zoom as zoom
    from batcountry.motion.recipes import VideoRecipe as VideoRecipe
    from batcountry.motion.recipes import ZoomRecipe as ZoomRecipe
    from batcountry.motion.saving import resume as resume
    from batcountry.motion.saving import save_video as save_video
    from batcountry.motion.saving import save_zoom as save_zoom

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "VideoRecipe": "recipes",
        "ZoomRecipe": "recipes",
        "join_frames": "frames",
        "make_frames": "frames",
        "resume": "saving",
        "save_video": "saving",
        "save_zoom": "saving",
        "video": "making",
        "zoom": "making",
    },
)
