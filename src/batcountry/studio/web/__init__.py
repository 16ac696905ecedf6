"""What the studio shows and answers: pages, and the API under `/api/v1`."""
