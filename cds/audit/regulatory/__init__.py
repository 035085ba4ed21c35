"""Documents for regulators and safety officers: the hazard file."""
