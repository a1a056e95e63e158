"""Measures policies: pass@k and maj@k over stored answers, and the report."""
