"""For whoever teaches the course: a folder for a class, a mirror of its data, its machines and its answers."""

SHARE, TEACHER = "share", "teacher"  # in the folder of a class: what is handed out, and what the teacher keeps
