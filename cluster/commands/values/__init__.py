"""`automathes value`: train value models, score attempts with them, and report on them."""
