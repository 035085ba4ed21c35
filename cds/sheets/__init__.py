"""The sheet of a rule version or a release: what a regulator asks of it, filled from what is known."""
