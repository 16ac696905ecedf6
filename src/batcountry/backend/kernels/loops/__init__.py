"""Loops compiled by Numba for what PyTorch has no quick operation for on a CPU.

Importing these modules imports Numba, so `batcountry.backend.kernels.dispatch` imports them when they are first used.
"""
