"""Commission: the ordered rules that say what the market takes of a sale, which of them won and
why, and what another list would have taken. It does not move money and keeps no sales: payouts
does."""
