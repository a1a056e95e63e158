"""Supervision of a run while it goes on: the fleet of samplers, limits on silence, what the run does, its heartbeat."""
