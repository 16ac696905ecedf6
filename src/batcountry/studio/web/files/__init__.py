"""Files that requests name and get: where they lie, small copies of them, and room for more."""
