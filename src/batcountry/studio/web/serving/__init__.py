"""The running server: its address, its token and its protocol."""
