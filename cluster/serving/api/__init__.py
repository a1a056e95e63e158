"""OpenAI's API over HTTP. Begin with `app.py`; `requests/` are the bodies, `replies/` what is sent for them."""
