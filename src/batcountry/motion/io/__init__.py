"""Videos and animated pictures: reading, writing and downloading, through FFmpeg's libraries."""
