"""How the tables came to be, step by step; every step runs on SQLite and on PostgreSQL."""
