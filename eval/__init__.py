"""Evaluation of policies: pass@k and maj@k over stored answers, their errors, and the report of a run.

Begin with `metrics`; `intervals` has the errors, `report/` the report.
"""
