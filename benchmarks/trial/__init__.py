"""A whole trial of phantoms whose effect is known: planned, photographed, graded, analysed."""
