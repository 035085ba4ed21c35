"""Who may enter the desk, how, and for how long."""
