"""Where a case's numbers come from: GPUs and rooflines with stated assumptions, or the store of a finished run."""
