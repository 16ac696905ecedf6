#!/bin/sh
# cnn-vis, example 6. Blurred noise, Places again.

bat-country visualize --model "${PLACES:-googlenet_places}" \
  --start 'noise(10, blur=1)' \
  --layer inception_4c/pool \
  --iterations 150 --every 50 --window-batch 20 \
  --step-size 2 --smoothing 0.9 --jitter 0 --no-window-rates \
  --p 4 --p-norm 1e-9 \
  --tv 1.0 --tv-beta 2.5 \
  --initial-size 270x480 --final-size 1080x1920 --octaves 5 \
  --no-rescale \
  --output example6.png "$@"
