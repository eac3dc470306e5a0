"""What only the page ``attention`` uses."""
