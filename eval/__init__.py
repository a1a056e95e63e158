"""Evaluation of policies: pass@k and maj@k over stored answers (`metrics`), and the report of a run (`report/`)."""
