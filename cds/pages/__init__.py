"""What a browser shows without signing in, and the words and layout that the desk's pages share."""
