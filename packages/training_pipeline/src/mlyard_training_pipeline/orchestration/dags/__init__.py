"""The DAGs: one for each spec, in a bundle that follows the folder of specs."""
