"""The survey stage: which cameras are in trouble, by what ended live runs saw of them, and by their silence."""
