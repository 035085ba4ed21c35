"""What is found out about knowledge while it is being written, before anybody is advised by it."""
