"""What goes between clients and the server: JSON, errors, events."""
