#!/bin/sh
# cnn-vis, example 5. Noise, with a net that was trained on MIT Places: arches and towers.

bat-country visualize --model "${PLACES:-googlenet_places}" \
  --layer inception_4b/3x3_reduce \
  --iterations 200 --every 25 --window-batch 10 \
  --step-size 5 --smoothing 0.95 --jitter 0 --no-window-rates \
  --p 4 --p-norm 1e-9 \
  --tv 0.3 --tv-beta 2 \
  --initial-size 270x480 --final-size 1080x1920 --octaves 5 \
  --no-rescale \
  --output example5.png "$@"
