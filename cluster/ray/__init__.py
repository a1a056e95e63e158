"""Ray: start or join a cluster for the time of a run (`session.py`); files for `ray up`, on premises and in AWS."""
