"""The journey from a template to a portrait."""
