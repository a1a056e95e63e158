"""The migrations, one module per step, numbered in order. Their behaviour must never change."""
