"""The door in the WebUI: its tab, its settings, its routes. Only scripts/easyphoto_tab.py rings here.

The host's own modules are imported inside functions alone: they exist in its process and nowhere else.
"""
