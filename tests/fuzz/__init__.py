"""Damaged and hostile inputs for every reader; see `run.py`."""
