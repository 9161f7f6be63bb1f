"""Who may ask: the bearer key."""
