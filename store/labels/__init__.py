"""Labels: reference answers with their history, the audit that finds wrong ones, and reviews of corrections.

Begin with `labels.py`, the part of the store. docs/audit.md explains the method of the audit.
"""
