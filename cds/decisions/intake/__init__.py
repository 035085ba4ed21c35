"""From what an app posts to what is known: observations, disagreements, derivations, contradictions, open intervals."""
