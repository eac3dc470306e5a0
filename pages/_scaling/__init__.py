"""What only the page ``scaling`` uses."""
