"""How a picture is made to score higher: parametrizations, transforms, gradients, tiles, optimizers."""
