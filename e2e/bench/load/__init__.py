"""The load engine beside its peers: one core for the generator, one for the server, all in one run."""
