"""What only the page ``home`` uses."""
