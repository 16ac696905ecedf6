"""What is found out about a module's layers: their order, layout and receptive fields."""
