#!/bin/sh
# cnn-vis, example 11. A sky, from a quarter of its size to all of it.

bat-country visualize "${PICTURE:?set PICTURE to a picture, some 2000 pixels wide}" \
  --model "${GOOGLENET:-bvlc_googlenet}" \
  --layer inception_4d/pool \
  --iterations 50 --every 10 --window-batch 25 \
  --step-size 1 --smoothing 0.85 --jitter 0 --window-rates \
  --p 2 --p-norm 10 --p-zero 8 --p-norm-zero 5e-11 \
  --tv 1 --tv-beta 2.5 \
  --initial-size x0.25 --final-size x1.0 --octaves 5 \
  --output example11.png "$@"
