"""MLflow's runs as the steps need them, and what one step hands to the next."""
