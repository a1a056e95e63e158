"""What runs inside vLLM's own processes: its scheduler, a part of its worker, and the watch over their owner."""
