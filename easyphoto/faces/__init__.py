"""Tools that look at faces and change them."""
