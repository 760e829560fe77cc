"""Whole studies of phantoms, trained on as a user would, and every part scored."""
