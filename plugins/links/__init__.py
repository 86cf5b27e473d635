"""The pages behind links in messages."""
