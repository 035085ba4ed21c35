"""What an auditor or a safety officer takes away."""
