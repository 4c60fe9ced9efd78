"""First floor: should this team train its own model? Pure formulas; torch never."""
