"""Data in, matplotlib Axes out. Intervals are always drawn; colours are told apart without colour vision."""
