"""Dreams: from a recipe to what runs, octave by octave, in memory or on disk."""
