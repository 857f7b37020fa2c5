"""For whoever teaches the course: a folder for a class, a mirror of its data, its machines and its answers."""
