"""`automathes review --serve`: a web application in which people review solutions and labels.

Begin with `app.py`. `routes.py` and `editing_routes.py` are what it answers, `applying.py` what follows from decisions.
"""
