"""The shipped content: every vignette, the decisions behind it in clinical words, its completeness and its wording."""
