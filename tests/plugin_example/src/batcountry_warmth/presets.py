"""A preset."""

SUNSET = {"octaves": 1, "iterations": 2, "color": "match"}
