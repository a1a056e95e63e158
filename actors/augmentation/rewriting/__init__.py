"""New questions in a teacher's words: `methods.py` says what it is asked for, `task.py` makes a job of it."""
