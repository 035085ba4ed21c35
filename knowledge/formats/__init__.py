"""Forms in which others read the knowledge base."""
