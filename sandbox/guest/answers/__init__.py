"""Answer equivalence by written form. What needs no symbolic mathematics works on both sides of the jail."""
