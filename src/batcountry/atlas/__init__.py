"""Atlases: every channel of a network's layers as a picture, in a folder with a page to look at them."""

from batcountry.atlas.building import Progress, building
from batcountry.atlas.folder import Entry, Folder

__all__ = ["Entry", "Folder", "Progress", "building"]
