"""What is wrong with a knowledge base: problems of single items, and of items that do not fit together."""
