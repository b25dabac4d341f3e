"""`python -m agnostic_nn.cli`: the command line without its script."""

from . import main

main()
