"""What a change to the knowledge would do, before it is in force: tried, compared, and held against the gate."""
