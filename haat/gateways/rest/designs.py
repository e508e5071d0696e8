"""The routes that five earlier designs of this market name, each with the capability it needs, and
where it is answered here: by a route of the same name, by an alias, by something else, or not yet.

`python -m haat.app.cli contracts` makes docs/routes.md of it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from haat.gateways.rest.aliases import ALIASES, shape
from haat.gateways.rest.rights import table

# design, capability, method and path as the design writes them
ROUTES = """
glowcart AUTH.01 POST /api/v1/auth/register
glowcart AUTH.02 POST /api/v1/auth/login
glowcart AUTH.03 POST /api/v1/auth/logout
glowcart AUTH.04 POST /api/v1/auth/refresh
glowcart AUTH.05 POST /api/v1/auth/forgot-password
glowcart AUTH.06 POST /api/v1/auth/reset-password
glowcart AUTH.07 GET /api/v1/auth/me
glowcart VEND.08 GET /api/v1/vendors/:id
glowcart VEND.09 PUT /api/v1/vendors/:id
glowcart VEND.10 POST /api/v1/vendors/:id/logo
glowcart VEND.10 POST /api/v1/vendors/:id/banner
glowcart VEND.12 GET /api/v1/vendors/:id/hours
glowcart VEND.12 PUT /api/v1/vendors/:id/hours
glowcart VEND.13 GET /api/v1/vendors/:id/stats
glowcart CAT.03 GET /api/v1/products
glowcart CAT.01 POST /api/v1/products
glowcart CAT.02 GET /api/v1/products/:id
glowcart CAT.04 PUT /api/v1/products/:id
glowcart CAT.05 DELETE /api/v1/products/:id
glowcart MEDIA.01 POST /api/v1/products/:id/images
glowcart CAT.17 GET /api/v1/products/:id/specs
glowcart CAT.17 PUT /api/v1/products/:id/specs
glowcart CAT.09 GET /api/v1/categories
glowcart CAT.11 GET /api/v1/categories/:id
glowcart INV.03 GET /api/v1/inventory
glowcart INV.01 GET /api/v1/inventory/:productId
glowcart INV.02 PUT /api/v1/inventory/:productId
glowcart INV.05 GET /api/v1/inventory/alerts
glowcart INV.04 PUT /api/v1/inventory/:productId/threshold
glowcart ORD.06 GET /api/v1/orders
glowcart ORD.01 POST /api/v1/orders
glowcart ORD.04 GET /api/v1/orders/:id
glowcart ORD.13 PUT /api/v1/orders/:id/accept
glowcart ORD.14 PUT /api/v1/orders/:id/reject
glowcart ORD.15 PUT /api/v1/orders/:id/ready
glowcart ORD.08 PUT /api/v1/orders/:id/status
glowcart ORD.17 GET /api/v1/orders/:id/events
glowcart PAY.13 GET /api/v1/payments/transactions
glowcart PAYOUT.06 GET /api/v1/payments/balance
glowcart PAYOUT.07 POST /api/v1/payments/payout
glowcart PAYOUT.08 GET /api/v1/payments/payouts
glowcart RET.01 POST /api/v1/payments/refund
glowcart SHIP.12 POST /api/v1/deliveries
glowcart SHIP.13 GET /api/v1/deliveries
glowcart SHIP.13 GET /api/v1/deliveries/:id
glowcart SHIP.14 PUT /api/v1/deliveries/:id/cancel
glowcart SHIP.15 GET /api/v1/deliveries/:id/track
glowcart SHIP.16 POST /api/v1/deliveries/:id/retry
glowcart SHIP.03 POST /api/v1/shipments
glowcart SHIP.04 GET /api/v1/shipments
glowcart SHIP.04 GET /api/v1/shipments/:id
glowcart SHIP.05 GET /api/v1/shipments/:id/label
glowcart SHIP.06 GET /api/v1/shipments/:id/track
glowcart NOTIF.01 GET /api/v1/notifications
glowcart NOTIF.02 PUT /api/v1/notifications/:id/read
glowcart NOTIF.03 PUT /api/v1/notifications/read-all
glowcart NOTIF.04 DELETE /api/v1/notifications/:id
glowcart NOTIF.05 GET /api/v1/notifications/unread-count
glowcart ANL.01 GET /api/v1/analytics/dashboard
glowcart ANL.04 GET /api/v1/analytics/sales
glowcart ANL.05 GET /api/v1/analytics/products
glowcart ANL.11 GET /api/v1/analytics/export
glowcart SOC.08 GET /api/v1/social/posts
glowcart SOC.01 POST /api/v1/social/posts
glowcart SOC.01 GET /api/v1/social/posts/:id
glowcart SOC.01 DELETE /api/v1/social/posts/:id
glowcart SOC.02 POST /api/v1/social/posts/:id/like
glowcart SOC.02 DELETE /api/v1/social/posts/:id/like
glowcart SOC.13 GET /api/v1/social/followers
glowcart SOC.12 POST /api/v1/social/follow/:vendorId
glowcart SOC.12 DELETE /api/v1/social/follow/:vendorId
glowcart VEND.16 GET /api/v1/users
glowcart VEND.16 POST /api/v1/users
glowcart VEND.16 GET /api/v1/users/:id
glowcart VEND.16 PUT /api/v1/users/:id
glowcart VEND.16 DELETE /api/v1/users/:id
glowcart RBAC.13 PUT /api/v1/users/:id/role
glowcart VEND.17 PUT /api/v1/users/:id/status
glowcart SOC.08 GET /api/v1/buyer/feed
glowcart SRCH.15 GET /api/v1/buyer/discover
glowcart SRCH.01 GET /api/v1/buyer/search
glowcart CART.01 GET /api/v1/buyer/cart
glowcart CART.02 POST /api/v1/buyer/cart
glowcart CART.03 PUT /api/v1/buyer/cart/:id
glowcart CART.04 DELETE /api/v1/buyer/cart/:id
glowcart WISH.01 GET /api/v1/buyer/wishlist
glowcart WISH.02 POST /api/v1/buyer/wishlist
glowcart WISH.03 DELETE /api/v1/buyer/wishlist/:id
glowcart ORD.05 GET /api/v1/buyer/orders
glowcart USER.02 GET /api/v1/buyer/addresses
glowcart USER.02 POST /api/v1/buyer/addresses
glowcart USER.02 PUT /api/v1/buyer/addresses/:id
glowcart USER.02 DELETE /api/v1/buyer/addresses/:id
roadmap AUTH.01 POST /auth/register
roadmap AUTH.02 POST /auth/login
roadmap AUTH.04 POST /auth/refresh
roadmap AUTH.03 POST /auth/logout
roadmap AUTH.05 POST /auth/forgot-password
roadmap AUTH.06 POST /auth/reset-password
roadmap USER.01 GET /me
roadmap USER.01 PATCH /me
roadmap USER.02 GET /me/addresses
roadmap USER.02 POST /me/addresses
roadmap USER.02 PATCH /me/addresses/:id
roadmap USER.02 DELETE /me/addresses/:id
roadmap VEND.01 POST /vendors/apply
roadmap VEND.08 GET /vendors/:id
roadmap VEND.09 PATCH /vendors/:id
roadmap VEND.04 POST /vendors/:id/kyc
roadmap VEND.06 POST /vendors/:id/bank
roadmap ADMIN.02 GET /admin/vendors
roadmap VEND.02 PATCH /admin/vendors/:id/status
roadmap CAT.09 GET /categories
roadmap CAT.10 POST /admin/categories
roadmap CAT.10 PATCH /admin/categories/:id
roadmap CAT.03 GET /products
roadmap CAT.02 GET /products/:slug
roadmap CAT.01 POST /vendors/:vendorId/products
roadmap CAT.04 PATCH /vendors/:vendorId/products/:id
roadmap APPR.02 PATCH /admin/products/:id/approve
roadmap INV.01 GET /inventory/:sku
roadmap INV.02 PATCH /vendors/:vendorId/inventory/:sku
roadmap CART.01 GET /cart
roadmap CART.02 POST /cart/items
roadmap CART.03 PATCH /cart/items/:sku
roadmap CART.04 DELETE /cart/items/:sku
roadmap PROMO.05 POST /cart/apply-coupon
roadmap PROMO.05 DELETE /cart/coupon
roadmap CART.06 POST /checkout/summary
roadmap ORD.01 POST /orders
roadmap ORD.04 GET /orders/:orderNo
roadmap ORD.05 GET /me/orders
roadmap ORD.07 GET /admin/orders
roadmap ORD.08 PATCH /admin/orders/:id/status
roadmap PAY.01 POST /payments/intent
roadmap PAY.02 POST /payments/webhook
roadmap PAYOUT.05 GET /vendors/:id/earnings
roadmap PAYOUT.07 POST /vendors/:id/payout-request
roadmap SHIP.01 POST /shipping/rates
roadmap SHIP.05 POST /shipping/labels
roadmap SHIP.06 GET /shipping/track/:trackingNo
roadmap REV.01 POST /reviews
roadmap REV.03 GET /products/:id/reviews
roadmap NOTIF.16 POST /notify/email
roadmap AI.05 GET /ai/recommendations?userId=...&context=...
roadmap AI.08 POST /ai/fraud/evaluate
roadmap SRCH.01 GET /search?q=...
roadmap AI.05 GET /ai/recommendations
gosellr CAT.01 POST /api/v1/products/create
gosellr CAT.03 GET /api/v1/products/
gosellr CAT.02 GET /api/v1/products/{id}
gosellr CAT.04 PUT /api/v1/products/{id}
gosellr CAT.05 DELETE /api/v1/products/{id}
gosellr ORD.01 POST /api/v1/orders/create
gosellr ORD.07 GET /api/v1/orders/
gosellr ORD.04 GET /api/v1/orders/{id}
gosellr ORD.08 PUT /api/v1/orders/{id}/status
gosellr ORD.16 POST /api/v1/orders/{id}/cancel
gosellr VEND.01 POST /api/v1/sellers/register
gosellr VEND.18 GET /api/v1/sellers/
gosellr VEND.08 GET /api/v1/sellers/{id}
gosellr VEND.09 PUT /api/v1/sellers/{id}
gosellr VEND.19 GET /api/v1/sellers/{id}/products
gosellr ADMIN.10 GET /api/v1/marketplace/stats
gosellr CAT.09 GET /api/v1/marketplace/categories
gosellr SRCH.17 POST /api/v1/marketplace/search
gosellr SRCH.16 GET /api/v1/marketplace/trending
roadmap PAYOUT.09 (admin) /admin/payouts/:id/approve (implied: "Payouts: … Admin approve")
roadmap REV.08 (admin) review moderation (implied: "Admin moderation", no path)
roadmap NOTIF.09 (admin) notification templates CRUD (implied: "templates CRUD (admin)", no path)
roadmap CART.06 GET /summary (as written in Phase 4: "totals returned via /summary")
gosellr API.06 GET http://localhost:4004/docs
gosellr OPS.25 GET http://localhost:4004
go-my-store CAT.23 (GraphQL) Product Catalog GraphQL API (no path)
go-my-store CRED.05 (gRPC) Credit Ledger transactional gRPC API (no path)
go-my-store STORE.09 (SSE) Storefront real-time updates (no path)
go-my-store CHAT.01 (WebSocket) Chat WebSockets (no path)
go-my-store AUTH.02 (REST) User Service REST API (no path)
go-my-store STORE.10 (REST) Storefront Service REST API (no path)
backend-first PAY.02 (webhook) Stripe payment webhooks (no path)
glowcart PAY.08 (webhook) Chipper Cash transaction webhooks (no path)
glowcart SHIP.18 (webhook) Uber status webhooks (no path)
glowcart API.08 (webhook) External webhook endpoints / incoming_webhooks (no path)
"""
# What is named without a path, or with an address of the design's own machine.
ELSEWHERE: Mapping[str, str] = {
    "/admin/payouts/:id/approve": "POST /admin/payouts/{id}/approve",
    "/summary (as written": "POST /summary, as a total is a quote, which is written",
    "http://localhost:4004/docs": "the page /docs, from /openapi.json",
    "http://localhost:4004": "the page /, and /health/ready",
    "Product Catalog GraphQL API": "POST /graphql",
    "Credit Ledger transactional gRPC API": "the gRPC service of contracts/ledger.proto",
    "User Service REST API": "POST /auth/login and what stands beside it",
    "Stripe payment webhooks": "POST /payments/webhook/{provider}",
}
# Capability, or the area it is of → why what needs it is not answered.
ABSENT: Mapping[str, str] = {
    "AI": "nothing is recommended or scored yet",
    "ANL": "sales are not analysed yet",
    "API.08": "payment providers' messages alone come in",
    "CHAT": "there are no conversations yet",
    "NOTIF.09": "letters have no templates that staff write yet",
    "NOTIF.16": "letters have no templates that staff write yet",
    "PAY.08": "this provider is not connected yet",
    "PROMO": "there are no coupons yet",
    "REV": "there are no reviews yet",
    "SHIP.05": "there are packing slips, and no carrier's labels yet",
    "SHIP": "there is no local delivery yet",
    "SOC": "there are no posts and followers yet",
    "STORE": "vendors' pages are not made of parts yet",
    "WISH": "there are no wish lists yet",
}
_PLACE = re.compile(r":\w+|\{\w+\}")


@dataclass(frozen=True, slots=True)
class Named:
    """A route of a design. `by`: what answers here, "" for nothing; `why` not, then."""

    design: str
    capability: str
    method: str
    path: str
    by: str
    why: str

    @property
    def short(self) -> str:
        """Method and path below the API's root, with {} for every parameter."""
        return f"{self.method} {_below_root(self.path)}"


def named() -> Iterator[Named]:
    """Every route of every design, in their order."""
    aliases = {shape(alias.name): alias.of for alias in ALIASES}
    ours = {shape(name): name for name in table()}
    for line in ROUTES.strip().split("\n"):
        design, capability, method, path = line.split(maxsplit=3)
        asked = f"{method} {_below_root(path)}"
        by = ours.get(asked) or aliases.get(asked) or _elsewhere(path)
        yield Named(design, capability, method, path, by, "" if by else _why(capability))


def _below_root(path: str) -> str:
    return _PLACE.sub("{}", path.removeprefix("/api/v1").partition("?")[0])


def _elsewhere(path: str) -> str:
    return next((by for begin, by in ELSEWHERE.items() if path.startswith(begin)), "")


def _why(capability: str) -> str:
    return ABSENT.get(capability) or ABSENT[capability.partition(".")[0]]
