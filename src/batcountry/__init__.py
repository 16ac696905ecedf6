"""A deep-dream toolkit: any convolutional network, any size of picture."""
