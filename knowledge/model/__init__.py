"""What knowledge is made of, without a database or a web server: actions and hazards."""
