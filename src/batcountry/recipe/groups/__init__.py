"""The fields of `Recipe`, a module for each group of them."""
