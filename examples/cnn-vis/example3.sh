#!/bin/sh
# cnn-vis, example 3. Noise, a layer further up.

bat-country visualize --model "${GOOGLENET:-bvlc_googlenet}" \
  --layer inception_4e/output \
  --iterations 100 --every 25 --window-batch 25 \
  --step-size 10 --smoothing 0.25 --jitter 0 --no-window-rates \
  --p 6 --p-norm 1e-10 \
  --tv 0.5 --tv-beta 2.5 \
  --initial-size 270x480 --final-size 1080x1920 --octaves 5 \
  --no-rescale \
  --output example3.png "$@"
