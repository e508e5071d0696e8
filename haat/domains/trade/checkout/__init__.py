"""Checkout owns quotes and the saga that turns one into an order: reserve, hold, promise, create,
and afterwards commit and capture. It owns neither goods, money nor orders: it only asks for them,
under ids that derive from the checkout's own."""
