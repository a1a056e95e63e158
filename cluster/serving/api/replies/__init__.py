"""Replies in OpenAI's form. Begin with `stream.py`, what all of them have in common."""
