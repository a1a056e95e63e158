"""OpenAI's Batch API, turn by turn: many attempts go on together, each with one turn per batch."""
