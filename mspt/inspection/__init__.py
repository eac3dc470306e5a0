"""What a forward pass does inside: attention weights and masking."""
