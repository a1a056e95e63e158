"""Placement of a run's actors by Ray: the cluster's nodes, the places of ranks and samplers, their names."""
