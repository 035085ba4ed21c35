"""What a condition says and what a patient would be advised, tried without a record."""
