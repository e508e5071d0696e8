"""The words of messages about money: kind → title, body. Words in braces are facts."""

MONEY: dict[str, tuple[str, str]] = {
    # -- to customers
    "order_placed": (
        "Order {number} is placed",
        "Thank you for your order of {total}. The vendors were told; you will hear from us when"
        " each part of it ships.",
    ),
    "order_awaiting_transfer": (
        "Order {number}: please transfer {due}",
        "Thank you for your order of {total}. Transfer {due} to {holder}, {account}, with the"
        " reference {reference}, so that it arrives until {until}. The vendors begin when it is"
        " here.",
    ),
    "order_awaiting_money": (
        "Order {number} waits for your payment",
        "Thank you for your order of {total}. Its page says how to pay it; the vendors begin when"
        " the money is here.",
    ),
    "order_on_delivery": (
        "Order {number} is placed",
        "Thank you for your order of {total}. The vendors were told; you pay in cash when they hand"
        " it over.",
    ),
    "order_paid": (
        "Your payment for {number} arrived",
        "Your order of {total} is paid, and the vendors begin. You will hear from us when each part"
        " of it ships.",
    ),
    "receipt": (
        "Your receipt for order {number}",
        "It is paid. You find the receipt on the order's page as well.",
    ),
    "order_unpaid": (
        "Order {number} could not be paid",
        "The payment of {total} failed, so the order is cancelled. Nothing was charged.",
    ),
    "transfer_expired": (
        "Order {number} is cancelled",
        "Your transfer for this order of {total} did not arrive in time. If you have sent it, we"
        " send it back when it is here.",
    ),
    "order_refunded": (
        "{amount} refunded for {number}",
        "The money goes back to where it came from. Banks take up to ten days to show it.",
    ),
    "order_refunded_by": (
        "{amount} refunded for {number}",
        "You get {ways}. Banks take up to ten days to show what goes through them.",
    ),
    "payment_failed": (
        "Your payment was declined",
        "Nothing was charged and nothing was ordered. Your cart is as it was.",
    ),
    "topped_up": ("{credits} are in your wallet", "Thank you for your payment of {price}."),
    "topup_failed": (
        "Your payment for credits was declined",
        "Nothing was charged, and no credits were added to your wallet.",
    ),
    "withdrawal_paid": (
        "{amount} was paid out",
        "The money for {credits} of your wallet is on its way to your bank account.",
    ),
    "withdrawal_failed": (
        "A withdrawal of {amount} failed",
        "The bank did not take it, so {credits} are in your wallet again. Check the account you"
        " gave us.",
    ),
    "withdrawal_rejected": (
        "A withdrawal of {amount} was not approved",
        "{credits} are in your wallet again.",
    ),
    # -- to vendors
    "vendor_order_new": (
        "New order {number}",
        "Sold for {total}; you earn {net}. Accept it and send it soon.",
    ),
    "vendor_order_cash": (
        "New order {number}, paid in cash",
        "Sold for {total}; you earn {net}, and collect the money when you hand it over. Accept it"
        " and send it soon.",
    ),
    "vendor_refunded": (
        "A refund for {number} lowered your balance",
        "The customer got {amount} back after you were credited. Your part of it is taken from your"
        " balance, or from the next payouts.",
    ),
    "vendor_dispute_open": (
        "The payment of {number} is disputed",
        "The customer's bank holds {amount} of the order's payment back (reason: {reason}). What"
        " you earn of it waits until that is decided. Keep the proof that you sent it.",
    ),
    "vendor_dispute_won": (
        "The dispute about {number} is won",
        "The bank gave the {amount} back. What you earn of the order is free again.",
    ),
    "vendor_dispute_lost": (
        "The dispute about {number} is lost",
        "{amount} went back to the customer (reason: {reason}). Your part of it is taken from what"
        " you earn; your statement shows it.",
    ),
    "payout_paid": ("{amount} was paid out", "The money is on its way to your bank account."),
    "payout_failed": (
        "A payout of {amount} failed",
        "The bank did not take it, so it is on your balance again. Check your bank account's"
        " details.",
    ),
    "payout_failed_because": (
        "A payout of {amount} failed",
        "The bank did not take it, so it is on your balance again. Reason: {reason}. Check your"
        " bank account's details.",
    ),
    "payout_rejected": (
        "A payout of {amount} was not approved",
        "The amount is on your balance again.",
    ),
    "payout_rejected_because": (
        "A payout of {amount} was not approved",
        "The amount is on your balance again. Reason: {reason}.",
    ),
    "invoice_issued": (
        "Invoice {number} for {month}",
        "The market's commission and fees of that month come to {total}, less what was given back."
        " It was taken from your earnings already; there is nothing to pay.",
    ),
    # -- to staff
    "staff_dispute_open": (
        "A payment of {about} is disputed",
        "{provider} holds {amount} back (reason: {reason}). Answer it there in time.",
    ),
    "staff_failures_spiked": (
        "Payments fail at {provider}",
        "{failed} of {tried} in the last {minutes} minutes.",
    ),
    "staff_payout_failed": (
        "A payout of {amount} failed",
        "The amount is on the vendor's balance again. {reason}",
    ),
    "staff_differences_found": (
        "{provider}'s report differs from our books",
        "{open} differences are to be looked at.",
    ),
    "staff_return_escalated": (
        "Return {number} is yours to decide",
        "Customer and vendor do not agree about {order}, or one of them did not answer in time.",
    ),
}
