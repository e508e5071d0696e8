"""A market as large as wanted, the same for the same seed: `haat seed scale`."""
