"""What is known, and who said so: facts, conditions, rules, sources, vignettes, and their life in the database."""
