"""`automathes reproduce`."""
