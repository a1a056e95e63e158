"""What a run warns of from one iteration to the next: many faults, and answers that their code supports less.

Begin with `faults.py`.
"""
