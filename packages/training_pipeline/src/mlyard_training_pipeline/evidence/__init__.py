"""What a person looks at to believe a score, on the pages of MLflow's runs.

In the order of reading: `scores`, every score as a table; `answers`, what a model said of rows beside what is true of
them; `allowance`, the time that all of this may take; `classification`, `regression` and `comparison`, plots of
answers; `sample`, `learning` and `importance`, what fitting a candidate on a few rows once more says; `drawing`, how
plots become files.
"""
