"""RECEIVE: the HTTP interface; the only place, with main, that knows FastAPI."""
