"""`bin/bench --only graphql`: what GraphQL costs beside REST, on a market of many products.

The same list and the same product by both; then what a client would otherwise ask for in several
requests: a list of 24 with vendors and stock, and a product page with how its offers stand.
"""

import argparse

import psutil

from bench.fill import fill
from bench.load import Broken, Line, Unit
from bench.reading import Readings
from bench.scenarios import World, drained

LIST = """query List { products(first: 24) { nodes { uuid slug title brand createdAt
  priceFrom { minor currency } priceTo { minor currency } picture { url } }
  pageInfo { hasNextPage endCursor } } }"""
CARDS = """query Cards { products(first: 24) { nodes { uuid slug title available
  priceFrom { minor currency } picture { url } vendor { name slug } category { name slug } } } }"""
PRODUCT = """query Product($ref: String!) { product(ref: $ref) { uuid slug title brand
  descriptionHtml optionNames pictures { url alt } specifications { key values }
  variants { uuid title options { name value } offers { uuid sku price { minor currency }
    compareAt { minor currency } condition handlingDays } } } }"""
PAGE = """query Page($ref: String!) { product(ref: $ref) { uuid slug title descriptionHtml
  vendor { name slug } category { path { name slug } } pictures { url alt }
  variants { title options { name value } buyBox { uuid }
    offers { uuid price { minor currency } vendor { name } availability { quantity }
      standing { place score } } } } }"""


class Bench:
    """One filled market and what is asked of it."""

    def __init__(
        self, address: str, market: psutil.Process, url: str, options: argparse.Namespace
    ) -> None:
        self._address, self._market, self._url, self._options = address, market, url, options

    async def run(self) -> None:
        await drained(self._url)
        filled = await fill(self._url, self._options.products)
        world = await World.read(self._address)
        print(f"{filled.products:,} products")

        def asked(query: str, *, about: bool = False) -> Unit:
            async def unit(line: Line, number: int) -> None:
                variables = {"ref": world.slugs[number % len(world.slugs)]} if about else {}
                body = {"query": query, "variables": variables}
                found = await line.json("POST", "/graphql", body)
                if "errors" in found:
                    raise Broken(str(found["errors"])[:300])

            return unit

        options = self._options
        took = Readings(self._address, self._market, options.readers, options.seconds)
        await took.take("REST: product list (24)", world.list_products)
        await took.take("GraphQL: the same list", asked(LIST))
        await took.take("GraphQL: with vendor, category, stock", asked(CARDS))
        await took.take("REST: product", world.product)
        await took.take("GraphQL: the same product", asked(PRODUCT, about=True))
        await took.take("GraphQL: product page, standings", asked(PAGE, about=True))
        took.show()
