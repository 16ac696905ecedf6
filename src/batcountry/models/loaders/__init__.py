"""The kinds of models that can be opened: one file each, and a registry."""
