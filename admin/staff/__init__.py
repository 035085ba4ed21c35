"""The people of the desk, the API keys of apps, and one's own account."""
