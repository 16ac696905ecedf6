#!/bin/sh
# cnn-vis, example 7. A painting, an early layer: strokes.

bat-country visualize "${PICTURE:?set PICTURE to a picture, some 2000 pixels wide}" \
  --model "${GOOGLENET:-bvlc_googlenet}" \
  --layer inception_3a/1x1 \
  --iterations 30 --every 10 --window-batch 25 \
  --step-size 1 --smoothing 0.9 --jitter 0 --no-window-rates \
  --p 2 --p-norm 0.5 \
  --tv 0.05 --tv-beta 2.5 \
  --initial-size x0.08 --final-size x0.15 --octaves 2 \
  --output example7.png "$@"
