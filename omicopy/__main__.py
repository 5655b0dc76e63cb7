"""`python -m omicopy`."""

from omicopy.cli.app import main

main()
