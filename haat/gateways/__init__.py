"""Floor 4: doors to the world. They know contracts, never modules."""
