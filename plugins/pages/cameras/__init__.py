"""The cameras: how each is, what holds for it, and its areas to draw."""
