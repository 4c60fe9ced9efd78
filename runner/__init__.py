"""Second floor: carry out a plan, and count what it cost."""
