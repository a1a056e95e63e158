"""Runs code that a model wrote inside nsjail, and decides whether two answers are equal."""
