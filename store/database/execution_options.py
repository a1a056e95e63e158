"""Options of connections, by which engines know what a transaction will do."""

WRITES = "store_writes"
"""It will write."""
MIGRATES = "store_migrates"
"""It will alter tables."""
