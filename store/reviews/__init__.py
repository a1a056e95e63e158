"""Reviews by people: queues of solutions and labels, leases, blind double decisions, and what follows from them.

Begin with `reviews.py`; `settlement.py` says when decisions settle an item, `scores.py` what comes first in a queue.
"""
