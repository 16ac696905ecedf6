"""A layer type of Caffe's nets, which registers itself."""

from batcountry.caffe import caffe_layer


@caffe_layer("Cube")
def cube(layer, params, x):
    """Return the third power."""
    return x**3
