"""How much of the visible skin a chart measures, and whether it is the same skin every time."""
