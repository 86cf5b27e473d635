"""Review: events as cards, each with all that is known of it, and what people say of them."""
