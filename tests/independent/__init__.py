"""Programs of others that the market is tried with; each is installed outside of the tree."""
