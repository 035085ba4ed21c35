"""Facts, sources, rules and example patients: read, written, submitted and reviewed."""
