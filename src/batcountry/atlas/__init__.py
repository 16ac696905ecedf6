"""Atlases: every channel of a network's layers as a picture, in a folder with a page to look at them."""

from batcountry.atlas.building import Progress, building
from batcountry.atlas.folder import Entry, Folder
from batcountry.atlas.looking import ActivationReport, looking, seen

__all__ = ["ActivationReport", "Entry", "Folder", "Progress", "building", "looking", "seen"]
