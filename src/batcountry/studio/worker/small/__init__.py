"""Small dreams that nobody asked for: a first preview, one that makes a worker ready, and what layers like."""
