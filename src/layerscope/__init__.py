"""Deep learning for biotechnology and medicine, layer by layer."""
