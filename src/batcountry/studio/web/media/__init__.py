"""Pictures and films of anybody, looked at in processes of their own that may die, hang or run out of memory."""
