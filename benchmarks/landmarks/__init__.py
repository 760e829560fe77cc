"""Landmarks and patches on changed photographs of people whose points were set by hand."""
