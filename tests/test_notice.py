import re

import pytest

from batcountry.models import zoo
from conftest import ROOT


@pytest.mark.parametrize("card", zoo.cards(), ids=lambda card: card.name)
def test_the_notice_has_each_networks_license_and_its_source(card):
    words = filter(None, (card.name, card.license, card.license_from))
    line = r"\s+".join(map(re.escape, words))
    assert re.search(f"^{line}$", (ROOT / "NOTICE").read_text("utf-8"), re.MULTILINE)
