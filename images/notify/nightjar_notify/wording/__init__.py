"""What messages say: each module makes the notices of one kind. Pure; the language decides numbers, dates and clock."""
