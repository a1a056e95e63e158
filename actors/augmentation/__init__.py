"""Augmentation: new questions out of training problems, in the manner of MetaMath (arXiv 2309.12284).

`fobar.py` makes them by a rule, `rewriting/` has a teacher write them, and `confirmation.py` decides by attempts which
of them are trained on.
"""
