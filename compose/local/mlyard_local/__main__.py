"""`python -m mlyard_local`."""

from mlyard_local.cli import main

main()
