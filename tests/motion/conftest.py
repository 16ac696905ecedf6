"""What the tests of films share."""

from __future__ import annotations

import pytest

pytest.importorskip("av", reason="needs PyAV, which the extra `video` brings")
pytest.importorskip("cv2", reason="needs OpenCV, which the extra `flow` brings")
