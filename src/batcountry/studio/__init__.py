"""The studio: dream in the browser, with a queue that keeps everything, and a folder that dreams."""
