"""The atlas: linked maps of what each layer holds, and the page that shows them."""
