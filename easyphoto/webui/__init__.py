"""The WebUI extension: its tab, its settings, its routes. Only scripts/easyphoto_tab.py imports it.

The host's own modules are imported inside functions alone: they exist in its process and nowhere else.
"""
