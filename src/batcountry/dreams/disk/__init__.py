"""Dreams on pictures larger than memory: on disk, in exact tiles, one iteration after the other from canvas to canvas."""
