"""Pictures: arrays, files and their metadata, color, resizing, periodic edges, initial images, statistics."""
