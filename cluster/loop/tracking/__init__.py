"""A run's metrics in TensorBoard, Weights & Biases and MLflow.

Begin with `tracking.py`. `names.py` has every metric; a tracker is a file in `trackers/` and a line in `registry.py`.
"""
