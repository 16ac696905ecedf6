import numpy as np

from batcountry.image.sky import sky


def test_a_sky_is_blue_above_with_white_clouds_in_it():
    picture = sky(128, 72, seed=3).astype(int)
    assert picture.shape == (72, 128, 3)
    blue = (picture[..., 2] - picture[..., 0] > 60).mean()
    white = (picture.min(2) > 200).mean()
    assert 0.2 < blue < 0.9 and 0.05 < white < 0.7


def test_the_seed_decides_the_sky():
    assert np.array_equal(sky(64, 36, 1), sky(64, 36, 1))
    assert not np.array_equal(sky(64, 36, 1), sky(64, 36, 2))
