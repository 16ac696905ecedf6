"""Caffe's files: definitions, weights and means."""
