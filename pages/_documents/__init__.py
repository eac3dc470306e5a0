"""What only the page ``documents`` uses."""
