"""Prometheus and Grafana beside a run.

`panels.py` and `dashboards/` describe what is shown, and `files/alerts.yaml` what is alerted on. Grafana's JSON, the
Prometheus page of links and the tables of docs/monitoring.md are made from them. `beside.py` starts the two servers.
"""
