#!/bin/sh
# cnn-vis, example 4. As example 1, twice as long and hardly smoothed.

bat-country visualize --model "${GOOGLENET:-bvlc_googlenet}" \
  --layer inception_4d/3x3_reduce \
  --iterations 200 --every 25 --window-batch 10 \
  --step-size 10 --smoothing 0.25 --jitter 0 --no-window-rates \
  --p 6 --p-norm 1e-11 \
  --tv 0.01 --tv-beta 2.5 \
  --initial-size 270x480 --final-size 1080x1920 --octaves 5 \
  --no-rescale \
  --output example4.png "$@"
