"""Recorded decisions: found, made again, and printed."""
