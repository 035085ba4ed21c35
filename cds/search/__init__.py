"""The record looked through: decisions and events found, counted, and taken out as files."""
