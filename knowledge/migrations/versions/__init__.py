"""The steps, each in a file of its own; a step that has run anywhere is never edited."""
