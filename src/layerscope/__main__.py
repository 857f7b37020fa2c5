"""`python -m layerscope` is the command."""

from layerscope.cli import main

main()
