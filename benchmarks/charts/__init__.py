"""How much of the visible skin a chart measures, what it leaves out, and whether it is the same every time."""
