"""Who may call what over REST: the declared table, of which the tests and the documents are made.

An operation that is not entered here fails a test, so that what is open to all is open on purpose.
What checks it is the scope of the contract's method at the door (`haat.engines.rpc.door`) and the
rows' own vendor or person; a generated test calls every operation as everybody and compares.
"""

from collections.abc import Mapping

from haat.domains.people.identity.api import (
    STAFF_ROLES,
    VENDOR_ROLES,
    with_implied,
)

# What a caller must hold: "nobody's" is open to all, "quote" to who made the quote (a guest
# proves it by knowing its id), "person" to all who are signed in, for what is their own.
RIGHTS: Mapping[str, str] = {
    "nobody's": """
        GET /address-rules/{country}
        GET /auth/ways, POST /auth/with/{provider}, POST /auth/with/{provider}/answer
        POST /auth/host
        POST /auth/second-step, POST /auth/passkeys/challenge, POST /auth/passkeys/login
        POST /auth/login, POST /auth/logout, POST /auth/refresh, POST /auth/register
        POST /auth/forgot-password, POST /auth/reset-password, POST /auth/verify-email
        POST /auth/factor-reset/stop
        GET /cart, POST /cart/items, PATCH /cart/items/{offer_id}
        DELETE /cart/items/{offer_id}, POST /checkout/summary,
        GET /search, GET /search/suggest, POST /marketplace/search, GET /search/complete
        GET /search/vendors, GET /search/trending, GET /search/discover, GET /categories
        GET /categories/{ref}, GET /products, GET /products/{ref}
        GET /products/{ref}/offers, GET /products/{ref}/specs
        GET /categories/{ref}/attributes, GET /brands, GET /brands/{ref}, GET /market
        GET /marketplace/stats, GET /tax-rates, GET /payments/providers, GET /tax-classes
        GET /currencies, GET /prices, GET /orders/link/{token}, POST /orders/link/{token}/cancel
        GET /orders/link/{token}/receipt, GET /orders/link/{token}/receipt.pdf
        POST /orders/link/{token}/receipt/send, POST /payments/webhook
        POST /payments/webhook/{provider},
        GET /vendors, GET /vendors/{id}, GET /vendors/{id}/presence
        GET /vendors/{id}/stats
        GET /vendors/{vendor}/products, GET /vendors/{id}/shipping-methods, POST /shipping/rates
        GET /credit-rates, GET /shipping/track/{tracking_number}
        POST /offers/{offer_id}/stock-notices, DELETE /stock-notices/{token}, OPTIONS /media/tus
        HEAD /media/tus/{ticket}, PATCH /media/tus/{ticket}, DELETE /media/tus/{ticket}
        PUT /media/parts/{ticket}, POST /invitations/read, GET /webhook-events, GET /vendor-terms
        GET /vendor-terms/{version}, GET /orders/link/{token}/erasure
        POST /orders/link/{token}/erasure, DELETE /orders/link/{token}/erasure
        GET /orders/link/{token}/data-exports, POST /orders/link/{token}/data-exports
        GET /orders/link/{token}/data-exports/{id}/file
        """,
    "quote": """
        GET /checkout/{id}, GET /checkout/{id}/status, POST /payments/intent, POST /orders
        """,
    "person": """
        POST /auth/passkeys/proof, POST /auth/passkeys/proof/answer
        POST /auth/prove/{provider}, POST /auth/prove/{provider}/answer, GET /me/connections
        POST /me/connections, POST /me/connections/host, POST /me/connections/with/{provider}
        POST /me/connections/with/{provider}/answer, DELETE /me/connections/{id}
        GET /me/phone, POST /me/phone, PUT /me/phone, DELETE /me/phone
        GET /me/passkeys, POST /auth/passkeys/new, POST /auth/passkeys, DELETE /me/passkeys/{id}
        POST /auth/prove, GET /me/second-step, POST /auth/second-step/app
        PUT /auth/second-step/app, DELETE /auth/second-step/app
        POST /auth/second-step/recovery-codes
        PUT /me/password, POST /me/verification, GET /auth/me, GET /me, PATCH /me
        PUT /me/avatar, DELETE /me/avatar, GET /me/preferences, PUT /me/preferences
        GET /me/consents, GET /me/profile, GET /me/addresses, POST /me/addresses
        PATCH /me/addresses/{id}
        PUT /me/addresses/{id}, DELETE /me/addresses/{id},
        GET /me/searches, DELETE /me/searches, GET /me/one-click
        POST /orders/one-click, GET /me/orders, GET /orders,
        GET /orders/{ref}, GET /orders/{ref}/receipt, GET /orders/{ref}/receipt.pdf
        POST /orders/{ref}/receipt/send, GET /orders/{ref}/credit-notes
        GET /orders/{ref}/credit-notes/{refund_id}.pdf, GET /orders/{ref}/events
        POST /orders/{id}/cancel, POST /cart/merge, POST /media, POST /media/uploads
        GET /media/uploads/{id}, DELETE /media/uploads/{id}, POST /media/uploads/{id}/complete
        POST /media/tus, DELETE /media/{id}, GET /cart/reminders
        PUT /cart/reminders, GET /notifications, PUT /notifications/read-all
        GET /notifications/unread-count, DELETE /notifications/{id}
        PUT /notifications/{id}/read, POST /vendors/apply,
        GET /me/payments, GET /payments/methods, DELETE /payments/methods/{id}, GET /wallet
        GET /wallet/statement, GET /wallet/topups, POST /wallet/topups, GET /wallet/topups/{id}
        GET /wallet/withdrawals, POST /wallet/withdrawals, GET /returns, POST /returns
        GET /returns/{id}, POST /returns/{id}/messages, POST /returns/{id}/withdraw
        POST /returns/{id}/sent-back, POST /returns/{id}/escalate, GET /orders/{id}/returnable
        POST /orders/{id}/return-preview, GET /orders/{id}/returns, POST /invitations/accept
        POST /vendors/{vendor_id}/team/leave, GET /me/sessions, DELETE /me/sessions
        DELETE /me/sessions/{id}, GET /me/sign-ins, GET /me/erasure, POST /me/erasure
        DELETE /me/erasure, GET /me/data-exports, POST /me/data-exports
        GET /me/data-exports/{id}/file, GET /me/support-sessions
        POST /me/support-sessions/{id}/consent, DELETE /me/support-sessions/{id}
        GET /me/support-sessions/{id}/visits
        """,
    "vendor:keys": """
        GET /vendors/{vendor_id}/api-keys, POST /vendors/{vendor_id}/api-keys
        POST /vendors/{vendor_id}/api-keys/{key_id}/rotate
        DELETE /vendors/{vendor_id}/api-keys/{key_id}
        """,
    "vendor:webhooks": """
        GET /vendors/{vendor_id}/webhooks, POST /vendors/{vendor_id}/webhooks
        GET /vendors/{vendor_id}/webhooks/{id}, PATCH /vendors/{vendor_id}/webhooks/{id}
        DELETE /vendors/{vendor_id}/webhooks/{id}, POST /vendors/{vendor_id}/webhooks/{id}/secret
        POST /vendors/{vendor_id}/webhooks/{id}/test, POST /vendors/{vendor_id}/webhooks/{id}/replay
        GET /vendors/{vendor_id}/webhooks/{id}/deliveries
        GET /vendors/{vendor_id}/webhooks/deliveries/{delivery_id}
        POST /vendors/{vendor_id}/webhooks/deliveries/{delivery_id}/replay
        """,
    "vendor:products:view": """
        GET /media/usage,
        GET /vendors/me/products, GET /vendors/me/offers, GET /products/{id}/objections
        GET /products/{id}/notes, GET /offers/{offer_id}/prices
        GET /offers/{offer_id}/scheduled-prices, GET /product-requests
        GET /product-requests/{id}, GET /offers/{offer_id}, GET /products/{id}/history
        GET /exports/products.csv, GET /exports/products.xlsx
        """,
    "vendor:products": """
        POST /products, PUT /products/{id}, PATCH /products/{id}
        DELETE /products/{id}, POST /products/{id}/images, POST /products/{id}/restore
        POST /products/{id}/submit, POST /vendors/{vendor_id}/products
        PATCH /vendors/{vendor_id}/products/{id}, GET /vendors/me/matches
        POST /products/{id}/offers, POST /products/{id}/variants/generate
        PATCH /products/{id}/variants, PUT /products/{id}/specs, POST /products/{id}/notes
        POST /offers/{offer_id}/scheduled-prices, DELETE /scheduled-prices/{id}
        POST /product-requests, POST /product-requests/{id}/withdraw, PATCH /offers/{offer_id}
        GET /imports, GET /imports/{id}, PUT /imports/{id}/parts/{number}
        POST /imports/{id}/preview, POST /imports/{id}/start, POST /imports/{id}/stop
        GET /imports/{id}/findings, GET /imports/{id}/corrections.csv, GET /import-mappings
        DELETE /import-mappings/{id}
        """,
    "vendor:stock": """
        GET /inventory, GET /inventory/alerts, GET /inventory/{ref}, PUT /inventory/{ref}
        GET /inventory/{ref}/movements, PUT /inventory/{ref}/threshold
        PUT /inventory/{ref}/safety, PUT /inventory/{ref}/counted
        POST /inventory/{ref}/adjustments, POST /inventory/{ref}/transfers, GET /inventory.csv
        GET /warehouses, POST /warehouses, PUT /warehouses/{id}, DELETE /warehouses/{id}
        PATCH /vendors/{vendor_id}/inventory/{sku}
        """,
    "vendor:orders": """
        PUT /orders/{id}/accept, PUT /orders/{id}/reject, PUT /orders/{id}/ready
        PUT /orders/{id}/ship, PUT /orders/{id}/deliver, PUT /orders/{id}/status
        POST /orders/{id}/parcels, GET /orders/{id}/packing-slip.pdf, POST /shipments
        GET /shipments, GET /shipments/{id}, GET /shipments/{id}/track
        GET /vendors/{vendor_id}/returns, POST /vendors/{vendor_id}/returns/{id}/approve
        POST /vendors/{vendor_id}/returns/{id}/refuse
        POST /vendors/{vendor_id}/returns/{id}/receive
        """,
    "vendor:money": """
        GET /payments/balance, POST /payments/payout, GET /payments/payouts
        GET /payments/transactions, POST /vendors/{id}/bank, PUT /vendors/{id}/bank
        GET /vendors/{id}/bank, GET /vendors/{id}/earnings, POST /vendors/{id}/payout-request
        GET /vendors/{id}/bank-accounts, POST /vendors/{id}/bank-accounts
        PUT /vendors/{id}/bank-accounts/{account_id}/default
        DELETE /vendors/{id}/bank-accounts/{account_id}
        GET /payments/onboarding, POST /payments/onboarding, GET /payments/balance/forecast
        GET /payments/earnings/{id}, GET /payments/charges, GET /payments/earnings/{id}/forecast
        GET /payments/earnings/lines/{id}/forecasts, GET /payments/payouts/{id}
        GET /vendors/{vendor_id}/statement, GET /vendors/{vendor_id}/statement.csv
        GET /vendors/{vendor_id}/statement/summary, GET /vendors/{vendor_id}/invoices
        GET /vendors/{vendor_id}/documents/{kind}/{ref}
        """,
    "vendor:analytics": """
        GET /vendors/{id}/sales, GET /vendors/{id}/performance
        GET /vendors/{id}/performance/orders
        """,
    "vendor:team": """
        GET /vendors/{vendor_id}/team, GET /vendors/{vendor_id}/team/history
        GET /vendors/{vendor_id}/audit
        PUT /vendors/{vendor_id}/team/{person_id}/role
        PUT /vendors/{vendor_id}/team/{person_id}/status
        DELETE /vendors/{vendor_id}/team/{person_id}, PUT /vendors/{vendor_id}/team/owner
        GET /vendors/{vendor_id}/invitations, POST /vendors/{vendor_id}/invitations
        POST /vendors/{vendor_id}/invitations/{invitation_id}/send
        DELETE /vendors/{vendor_id}/invitations/{invitation_id}, GET /vendors/{vendor_id}/roles
        PUT /vendors/{vendor_id}/roles/{role_id}, DELETE /vendors/{vendor_id}/roles/{role_id}
        GET /users, POST /users, GET /users/{person_id}, PUT /users/{person_id}
        DELETE /users/{person_id}, PUT /users/{person_id}/role, PUT /users/{person_id}/status
        """,
    "vendor:profile": """
        PATCH /vendors/{id}, POST /vendors/{id}/logo
        POST /vendors/{id}/banner, POST /vendors/{id}/shipping-methods
        PUT /vendors/{id}/shipping-methods/{method_id}, GET /vendors/{id}/onboarding
        PUT /vendors/{id}/onboarding/business, POST /vendors/{id}/onboarding/submit
        POST /vendors/{id}/kyc
        GET /vendors/{id}/documents, POST /vendors/{id}/onboarding/{item_id}/documents
        DELETE /vendors/{id}/documents/{document_id}, POST /vendors/{id}/terms
        PUT /vendors/{id}/hours, DELETE /vendors/{id}/hours, PUT /vendors/{id}/policies
        POST /vendors/{id}/places, PUT /vendors/{id}/places/{place_id}
        DELETE /vendors/{id}/places/{place_id}, GET /vendors/{id}/preferences
        PUT /vendors/{id}/preferences, GET /vendors/{id}/absence, PUT /vendors/{id}/absence
        DELETE /vendors/{id}/absence, POST /vendors/{id}/close, POST /vendors/{id}/stay-open
        """,
    "staff": """
        GET /admin/overview, GET /admin/payments, GET /admin/people/{id}/sessions
        GET /admin/people/{id}/sign-ins, GET /admin/people/{id}/factor-resets
        POST /admin/support-sessions, GET /admin/support-sessions
        POST /admin/support-sessions/{id}/enter
        """,
    "staff:vendors": """
        GET /admin/vendors, PUT /admin/vendors/{id}/commission, PATCH /admin/vendors/{id}/status
        PUT /admin/vendors/{id}/verification, GET /admin/vendors/{id}/media
        PUT /admin/vendors/{id}/media, GET /admin/onboarding/items, GET /admin/applications
        GET /admin/vendors/{id}/onboarding, PUT /admin/vendors/{id}/waivers/{item_id}
        GET /admin/vendors/{id}/history, POST /admin/vendors/{id}/remarks
        GET /admin/vendors/{id}/documents, PUT /admin/documents/{id}
        GET /admin/documents/{id}/page, GET /admin/documents/{id}/looks, GET /admin/vendor-terms
        GET /admin/vendor-terms/missing, GET /admin/vendor-terms/acceptances,
        GET /admin/vendor-performance
        GET /admin/vendor-performance/policy, GET /admin/vendors/{id}/performance
        GET /admin/vendors/{id}/performance/orders
        """,
    "staff:products": """
        POST /admin/categories, PATCH /admin/categories/{id}, GET /admin/products
        PATCH /admin/products/{id}/approve, GET /admin/search/synonyms
        POST /admin/search/synonyms, PUT /admin/search/synonyms/{id}
        DELETE /admin/search/synonyms/{id}, GET /admin/search/ranking, PUT /admin/search/ranking
        GET /admin/search/in-vain, GET /admin/search/report, POST /admin/search/rebuild
        GET /admin/products/{id}/vendors, PUT /admin/products/{id}/vendors
        GET /admin/brands/{brand}/vendors, PUT /admin/brands/{brand}/vendors, PUT /admin/brands
        GET /admin/approval-rules, PUT /admin/approval-rules/{id}
        DELETE /admin/approval-rules/{id}, GET /admin/product-requests
        POST /admin/product-requests/{id}/approve, POST /admin/product-requests/{id}/refuse
        GET /admin/listing-rules, PUT /admin/listing-rules/{id}
        DELETE /admin/listing-rules/{id}, GET /admin/duplicates, POST /admin/products/{id}/merge
        """,
    "staff:orders": """
        GET /admin/orders, PATCH /admin/orders/{id}/status, GET /admin/refunds
        GET /admin/disputes, POST /admin/orders/lists/rebuild, GET /admin/payments/disputes
        GET /admin/carts/recoveries, GET /admin/carts/{cart_id}/actions, POST /payments/refund
        GET /admin/returns, POST /admin/returns/{id}/approve, POST /admin/returns/{id}/refuse
        POST /admin/returns/{id}/receive
        """,
    "staff:payouts": """
        GET /admin/payouts, POST /admin/payouts/{id}/approve, POST /admin/payouts/{id}/reject
        POST /admin/payouts/run, GET /admin/bank-files, POST /admin/bank-files
        GET /admin/bank-files/{id}, POST /admin/bank-files/settle
        GET /admin/vendors/{id}/balance, GET /admin/vendors/{id}/bank-accounts
        PUT /admin/bank-accounts/{id}
        """,
    "staff:money": """
        GET /admin/payments/refunds, POST /admin/payments/refunds/settle
        POST /admin/payments/funds, GET /admin/payments/{id}/raw
        POST /admin/payments/{id}/confirm, POST /admin/credit-rates, GET /admin/withdrawals
        POST /admin/withdrawals/{id}/decision, GET /admin/withdrawals/due
        POST /admin/withdrawals/settle, GET /admin/wallets/flow, GET /admin/wallets/frozen
        POST /admin/wallets/{owner_id}/grant, PUT /admin/wallets/{owner_id}/frozen
        GET /admin/commission-lists, POST /admin/commission-lists
        GET /admin/commission-lists/active, GET /admin/commission-lists/{id}
        PUT /admin/commission-lists/{id}, POST /admin/commission-lists/{id}/activate
        POST /admin/commission-lists/{id}/discard, POST /admin/commissions/explain
        GET /admin/commission-lists/{id}/dry-run, POST /admin/vendors/{id}/charges
        GET /admin/payout-policy, PUT /admin/payout-policy, GET /admin/vendors/{id}/payout-terms
        PUT /admin/vendors/{id}/payout-terms, GET /admin/income, POST /admin/invoices/{month}
        GET /admin/reconciliations, POST /admin/reconciliations
        POST /admin/reconciliations/files, GET /admin/reconciliations/{id}
        GET /admin/reconciliations/differences, GET /admin/reconciliations/{id}/differences
        GET /admin/reconciliations/{id}/differences.csv
        POST /admin/reconciliations/differences/{id}/book
        POST /admin/reconciliations/differences/{id}/dismiss
        """,
    "staff:settings": """
        PUT /admin/vendor-performance/policy
        POST /admin/onboarding/items, PUT /admin/onboarding/items/{id}
        DELETE /admin/onboarding/items/{id}, POST /admin/vendor-terms
        PATCH /admin/settings, PUT /admin/tax-rates, PUT /admin/tax-classes/{code}
        PUT /admin/currencies, GET /admin/currencies/history, GET /admin/customer-groups
        POST /admin/customer-groups, PUT /admin/customer-groups/{id}
        DELETE /admin/customer-groups/{id}, GET /admin/customer-groups/{id}/members
        POST /admin/customer-groups/{id}/members
        DELETE /admin/customer-groups/{id}/members/{person_id}, GET /admin/price-lists
        GET /admin/price-lists/{id}, PUT /admin/price-lists/{id}, DELETE /admin/price-lists/{id}
        GET /admin/dead-letters, DELETE /admin/dead-letters/{id}
        POST /admin/dead-letters/{id}/discard, POST /admin/dead-letters/{id}/replay
        GET /admin/doctor, GET /admin/doctor/{id}, POST /admin/people/{id}/block
        POST /admin/people/{id}/unblock, GET /admin/people/{id}/erasure
        POST /admin/people/{id}/erasure, GET /admin/orders/{id}/erasure
        POST /admin/orders/{id}/erasure, POST /admin/people/{id}/factor-resets
        POST /admin/factor-resets/{id}/approve, POST /admin/factor-resets/{id}/withdraw
        GET /admin/webhooks, POST /admin/webhooks, GET /admin/webhooks/{id}
        PATCH /admin/webhooks/{id}, DELETE /admin/webhooks/{id}, POST /admin/webhooks/{id}/secret
        POST /admin/webhooks/{id}/test, POST /admin/webhooks/{id}/replay
        GET /admin/webhooks/{id}/deliveries, GET /admin/webhooks/deliveries/{delivery_id}
        POST /admin/webhooks/deliveries/{delivery_id}/replay, GET /admin/vendor-webhooks
        PUT /admin/vendor-webhooks/{id}/enabled
        """,
    "staff:audit": """
        GET /admin/audit, GET /admin/audit.csv, GET /admin/audit.jsonl
        """,
    "staff:people": """
        GET /admin/staff, PUT /admin/staff/{person_id}, GET /admin/staff-roles
        PUT /admin/staff-roles/{role_id}, DELETE /admin/staff-roles/{role_id}
        GET /admin/rights-history
        """,
}
# Who works on orders for the market sets their status at the vendors' address, too, and who looks
# at products reads and says about anybody's.
ALSO_FOR_STAFF: Mapping[str, str] = {
    "PUT /orders/{id}/status": "staff:orders",
    "GET /products/{id}/history": "staff:products",
    "GET /products/{id}/notes": "staff:products",
    "GET /product-requests/{id}": "staff:products",
    "GET /products/{id}/objections": "staff:products",
    "POST /products/{id}/notes": "staff:products",
}
GUEST, CUSTOMER = "guest", "customer"


# What may be called without a token.
OPEN = ("nobody's", "quote")


def table() -> dict[str, str]:
    """Operation ("GET /products") → right."""
    found: dict[str, str] = {}
    for right, text in RIGHTS.items():
        for name in (word.strip() for line in text.split("\n") for word in line.split(",")):
            if name:
                assert name not in found, f"{name} stands here twice"
                found[name] = right
    return found


def roles() -> dict[str, frozenset[str]]:
    """Everybody there is by default → what they hold."""
    found: dict[str, frozenset[str]] = {GUEST: frozenset(), CUSTOMER: frozenset({"person"})}
    for role, scopes in VENDOR_ROLES.items():
        found[f"vendor {role}"] = with_implied(frozenset(scopes)) | {"person"}
    for staff, scopes in STAFF_ROLES.items():
        found[staff] = with_implied(frozenset(scopes)) | {"person", "staff"}
    return found


def allowed(operation: str, right: str, held: frozenset[str]) -> bool:
    """Whether who holds this may call the operation on rows that are theirs to see."""
    if right in OPEN:
        return True
    return right in held or ALSO_FOR_STAFF.get(operation) in held
