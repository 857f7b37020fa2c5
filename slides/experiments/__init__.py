"""The runs behind the slides; measure.py calls them."""
