"""Films in the making: what is to be done, what has been done, and where it goes."""
