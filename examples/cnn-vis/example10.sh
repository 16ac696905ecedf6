#!/bin/sh
# cnn-vis, example 10. A photograph of a lake, held to its colors.

bat-country visualize "${PICTURE:?set PICTURE to a picture, some 2000 pixels wide}" \
  --model "${GOOGLENET:-bvlc_googlenet}" \
  --layer inception_4d/pool \
  --iterations 50 --every 10 --window-batch 25 \
  --step-size 1 --smoothing 0.9 --jitter 0 --no-window-rates \
  --p 2 --p-norm 5 \
  --tv 0.1 --tv-beta 2.5 \
  --initial-size x0.2 --final-size x0.75 --octaves 4 \
  --output example10.png "$@"
