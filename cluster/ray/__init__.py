"""Ray: a cluster of one's own for the time of a run (`session.py`), and files for `ray up` on premise and in AWS."""
