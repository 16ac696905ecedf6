"""The settings of a watched folder as they are now: those of a file that may change at any time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from batcountry.backend.files import replace_file
from batcountry.errors import BatCountryError, StudioError
from batcountry.studio.watch.checking import checked
from batcountry.studio.watch.folder import Signature, signature_of
from batcountry.studio.watch.settings_file import DreamSettings, read_settings

log = logging.getLogger("batcountry")


class FollowedSettings:
    """Settings that follow a file; while that cannot be used, the last good ones hold.

    Parameters
    ----------
    path
        The file; None for the usual settings.
    kept
        Where the last good ones are kept, for when all is started again.
    check
        Says whether settings can be dreamed with; see `batcountry.studio.watch.checking.checked`.

    Raises
    ------
    StudioError
        If they cannot be used, and there were none before.
    """

    def __init__(
        self, path: Path | None, kept: Path, check: Callable[[DreamSettings], DreamSettings] = checked
    ) -> None:
        self._path, self._kept, self._check = path, kept, check
        self.now = DreamSettings()
        self._seen = self._used = self._signature()
        if path is not None:
            self._begin(path)

    def look(self) -> bool:
        """Read the file again if it was changed and stands still since the last look; returns whether other settings hold."""
        if self._path is None:
            return False
        signature, before = self._signature(), self._seen
        self._seen = signature
        if signature == self._used or signature != before:
            return False
        self._used = signature
        try:
            found = self._read(self._path)
        except BatCountryError as error:
            log.warning(
                "the settings in %s cannot be used, and the last good ones hold: %s", self._path, error
            )
            return False
        if found == self.now:
            return False
        log.info("the settings in %s were changed, and hold from the next picture on", self._path)
        self.now = found
        return True

    def _begin(self, path: Path) -> None:
        try:
            self.now = self._read(path)
            return
        except BatCountryError as error:
            reason = error
        try:
            self.now = self._check(read_settings(self._kept))
        except BatCountryError:
            raise StudioError(f"the settings in {path} cannot be used: {reason}") from None
        log.warning("the settings in %s cannot be used, and the last good ones hold: %s", path, reason)

    def _read(self, path: Path) -> DreamSettings:
        found = self._check(read_settings(path))
        try:
            replace_file(self._kept, found.text().encode())
        except OSError as error:
            log.warning("the settings cannot be kept: %s", error.strerror)
        return found

    def _signature(self) -> Signature | None:
        if self._path is None:
            return None
        try:
            return signature_of(self._path.resolve())
        except (OSError, RuntimeError):
            return None
