"""Words for results: pure functions from a status to lines, for terminals and logs alike."""
