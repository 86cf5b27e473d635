"""What Nightjar's stages, DAGs and operators share: the words of the domain and the runtime around them."""
