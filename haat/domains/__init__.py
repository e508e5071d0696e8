"""Floor 3: the domains, in storeys; within each, what stands left is below what stands right."""
