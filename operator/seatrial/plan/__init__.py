"""Pure decisions: what is wanted and what was seen go in, what to do and what to say come out."""
