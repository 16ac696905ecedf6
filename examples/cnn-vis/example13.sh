#!/bin/sh
# cnn-vis, example 13. A hill, with lines and eyes.

bat-country visualize "${PICTURE:?set PICTURE to a picture, some 2000 pixels wide}" \
  --model "${GOOGLENET:-bvlc_googlenet}" \
  --layer inception_4b/5x5_reduce \
  --iterations 100 --every 10 --window-batch 25 \
  --step-size 5 --smoothing 0.85 --jitter 0 --window-rates \
  --p 2 --p-norm 0.5 --p-zero 8 --p-norm-zero 5e-11 \
  --tv 0.5 --tv-beta 2.5 \
  --initial-size x0.25 --final-size x0.5 --octaves 3 \
  --output example13.png "$@"
