"""Ground floor: what a number is, and what things cost."""
