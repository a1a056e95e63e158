"""Hosts: what each has (`host`), and where the ranks and samplers of a run go (`layout`)."""
