"""Metrics of a replica. `instruments.py` lists them, `serving_metrics.py` observes, `sinks.py` is where they go."""
