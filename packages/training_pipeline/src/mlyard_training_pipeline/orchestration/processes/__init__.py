"""Airflow's processes: their environment, database, accounts and health."""
