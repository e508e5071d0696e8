"""`haat sim`: the market under a seeded scheduler, on a real PostgreSQL (docs/flows/sim.md)."""
