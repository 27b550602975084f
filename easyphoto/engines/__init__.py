"""Tools that repaint: one protocol, several engines."""
