"""What phantoms are drawn from: soft shapes, and the anatomy of six kinds of image."""
