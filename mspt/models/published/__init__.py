"""The authors' released arithmetic, kept exactly."""
