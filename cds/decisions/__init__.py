"""From posted facts to a decision, without a web server: notices and what withholds a rule."""
