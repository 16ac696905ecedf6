"""The studio over HTTP: pages, and all that they do under `/api/v1`."""
