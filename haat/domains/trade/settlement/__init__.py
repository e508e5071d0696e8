"""Settlement owns the customer's side of an order's money: the tender that was held, its capture,
what of each vendor order was refunded, and the return windows whose end makes earnings payable.
It does not own provider state (payments), vendors' balances (payouts) or order states (orders)."""
