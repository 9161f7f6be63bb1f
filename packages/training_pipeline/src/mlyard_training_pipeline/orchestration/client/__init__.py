"""A client of a running Airflow: it starts trainings and follows them."""
