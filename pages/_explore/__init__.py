"""What only the page ``explore`` uses."""
