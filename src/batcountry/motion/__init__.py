"""Dreams that move: endless zooms and dreamed videos.

`zoom` and `video` yield frames; `save_zoom` and `save_video` write films, which `resume` goes on with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batcountry.backend.lazy import lazy_names

if TYPE_CHECKING:
    from batcountry.motion.api import video as video
    from batcountry.motion.api import zoom as zoom
    from batcountry.motion.jobs.frames_folder import join_frames as join_frames
    from batcountry.motion.jobs.frames_folder import make_frames as make_frames
    from batcountry.motion.jobs.runner import resume as resume
    from batcountry.motion.jobs.runner import save_video as save_video
    from batcountry.motion.jobs.runner import save_zoom as save_zoom
    from batcountry.motion.recipes import VideoRecipe as VideoRecipe
    from batcountry.motion.recipes import ZoomRecipe as ZoomRecipe

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "VideoRecipe": "recipes",
        "ZoomRecipe": "recipes",
        "join_frames": "jobs.frames_folder",
        "make_frames": "jobs.frames_folder",
        "resume": "jobs.runner",
        "save_video": "jobs.runner",
        "save_zoom": "jobs.runner",
        "video": "api",
        "zoom": "api",
    },
)
