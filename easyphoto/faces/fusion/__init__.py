"""Moving a person's face into a template picture: source selection, warping, relighting, blending."""
