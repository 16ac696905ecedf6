"""Networks that were published for Caffe, written from their papers as definitions in the dialects in which they are found.

`NETS` has a function for each, which returns the text of its `deploy.prototxt`. Strides, kernels, branches and the odd
settings of their forks are those of the papers; the numbers of channels are divided by `THINNER`.
"""

from caffe.zoo_nets import classic, densely, detecting, faces, inception, places, residual, small

NETS = {
    **classic.NETS,
    **residual.NETS,
    **densely.NETS,
    **inception.NETS,
    **small.NETS,
    **detecting.NETS,
    **places.NETS,
    **faces.NETS,
}
