"""EasyPhoto: a few selfies in, studio portraits of that very person out."""

__version__ = "0.1.0"
