"""The base model that ships with EasyPhoto: its classes and the script that trained it."""
