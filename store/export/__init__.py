"""Exports: rollouts as a data set that others read, in a folder that is there whole or not at all."""
