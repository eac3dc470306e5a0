"""What only the page ``roof`` uses."""
