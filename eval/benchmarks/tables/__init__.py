"""Tables of results: `contents.py` makes them, `markdown.py` and `latex.py` write them."""
