"""Tables of texts, whatever they are written as: begin with `table.py`."""
