#!/bin/sh
# cnn-vis, example 12. A painting, with the layer of dogs and birds.

bat-country visualize "${PICTURE:?set PICTURE to a picture, some 2000 pixels wide}" \
  --model "${GOOGLENET:-bvlc_googlenet}" \
  --layer inception_4c/output \
  --iterations 100 --every 10 --window-batch 25 \
  --step-size 5 --smoothing 0.85 --jitter 0 --window-rates \
  --p 2 --p-norm 0.5 --p-zero 8 --p-norm-zero 5e-11 \
  --tv 5 --tv-beta 2.5 \
  --initial-size x0.2 --final-size x0.5 --octaves 3 \
  --output example12.png "$@"
