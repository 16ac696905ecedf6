#!/bin/sh
# cnn-vis, example 9. A painting, a layer that sees animals.

bat-country visualize "${PICTURE:?set PICTURE to a picture, some 2000 pixels wide}" \
  --model "${GOOGLENET:-bvlc_googlenet}" \
  --layer inception_4d/output \
  --iterations 50 --every 25 --window-batch 25 \
  --step-size 1 --smoothing 0.9 --jitter 0 --no-window-rates \
  --p 2 --p-norm 0.5 \
  --tv 0.05 --tv-beta 2.5 \
  --initial-size x0.12 --final-size x0.25 --octaves 3 \
  --output example9.png "$@"
