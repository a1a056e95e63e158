"""The pages of the rollout browser, as HTML: pure functions of records, without any I/O.

`records.py` defines what pages show, `document.py` is the frame of each page. Then there is a module per page:
`listing.py`, `rollout_page.py` and `problem_page.py`. `query.py` reads and writes the filters in URLs.
"""
