"""The API of a teacher: single requests (`client.py`), what can go wrong with them, and when they may be sent."""
