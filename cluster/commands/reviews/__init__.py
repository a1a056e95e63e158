"""`automathes review`: decisions of people on labels in doubt (`labels.py`), and on feedback (`collected.py`)."""
