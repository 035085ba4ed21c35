"""Releases: what each holds, the next one, what would change by it, and what is to be reviewed."""
