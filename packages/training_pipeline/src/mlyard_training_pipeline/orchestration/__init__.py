"""Airflow around the steps: its processes, one DAG for each spec, and the command that starts and follows them."""
