"""An example of what a package can add to bat-country; `pyproject.toml` says by which names."""
