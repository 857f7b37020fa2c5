"""What the decks show. One module for each deck; tools/slides.py says what it must hold."""
