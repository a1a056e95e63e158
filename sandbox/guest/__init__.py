"""What runs inside the jail: plain standard library only, since the jail holds nothing else for certain."""
