"""From a checkpoint and a case or a shape to fields."""
