"""The HTTP API: JSON to requests, jobs to JSON, pictures by token.

app.mount("/easyphoto", build_api(studio, queue, Access.local()))
"""

from easyphoto.api.access import Access
from easyphoto.api.app import build_api

__all__ = ["Access", "build_api"]
