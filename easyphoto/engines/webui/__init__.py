"""The engine that renders with the WebUI this process runs in."""
