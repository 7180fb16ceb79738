"""A vocal tract whose truth is known: text becomes gestures, and one articulation gives both speech and pictures."""
