"""Dreams on pictures larger than memory: on disk, in exact tiles, resumable at any moment."""

from batcountry.dreams.disk.api import dream_on_disk, dreaming_on_disk, resume, resuming

__all__ = ["dream_on_disk", "dreaming_on_disk", "resume", "resuming"]
