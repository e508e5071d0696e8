"""Floor 2: ports to the outside and one adapter per file, chosen by URL scheme."""
