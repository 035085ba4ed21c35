"""Items as forms: what a person fills in, and the written form that comes of it."""
