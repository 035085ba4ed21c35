"""Facts in, cited recommendations out."""
