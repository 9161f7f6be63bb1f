"""What a person looks at to believe a score, on the pages of MLflow's runs."""
