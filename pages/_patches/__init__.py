"""What only the page ``patches`` uses."""
