"""Operations on graphics cards that need no plan for a shape: loops compiled by NVRTC, and convolutions as matrix products."""
