"""The dashboards, one file each. The loop's comes first: Ray's Metrics tab shows it."""

from cluster.monitoring.dashboards.learner import LEARNER
from cluster.monitoring.dashboards.loop import LOOP
from cluster.monitoring.dashboards.sampling import SAMPLING
from cluster.monitoring.dashboards.sandbox import SANDBOX
from cluster.monitoring.dashboards.serving import SERVING

DASHBOARDS = (LOOP, SAMPLING, SANDBOX, LEARNER, SERVING)

__all__ = ["DASHBOARDS", "LOOP"]
