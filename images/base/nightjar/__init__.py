"""Shared by Nightjar's stages, DAGs and operators: the words of the domain and the runtime around them."""
