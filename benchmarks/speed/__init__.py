"""How fast grading is, stage by stage and end to end."""
