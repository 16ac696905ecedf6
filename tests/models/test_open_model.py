import pytest

from batcountry import models
from batcountry.errors import ModelError
from batcountry.models import Request, open_model


def test_a_loader_that_is_registered_is_asked_first(registered, two_channels):
    asked = []

    def mine(request: Request):
        asked.append(request)
        return two_channels if request.text == "mine" else None

    registered(models.LOADERS, "mine", mine)
    assert open_model("mine") is two_channels
    assert open_model().name == "efficientnet-lite0"
    assert [each.text for each in asked] == ["mine", "efficientnet-lite0"]


def test_an_argument_that_a_kind_of_model_has_no_use_for_is_refused():
    with pytest.raises(ModelError, match="'efficientnet-lite0' has no use for weights"):
        open_model("efficientnet-lite0", "net.caffemodel")
    with pytest.raises(ModelError, match="no use for mean"):
        open_model(mean=(1, 2, 3))
