"""The whole OpenAPI document by a tool that somebody else wrote: whatever the document allows, and
what it does not, is answered as it says. docs/operate/proofs.md tells how to run it whole.

Needs schemathesis (`st`) on the path, or in HAAT_SCHEMATHESIS; HAAT_FUZZ_EXAMPLES says how many
requests an operation gets and HAAT_FUZZ_ONLY, a regular expression, which paths are asked.
"""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from haat.domains.people.identity.api import Identity
from haat.gateways.rest.rights import table
from tests.gateways.town import Town
from tests.journeys.box import PASSWORD

TOOL = os.environ.get("HAAT_SCHEMATHESIS") or shutil.which("st") or ""
EXAMPLES = int(os.environ.get("HAAT_FUZZ_EXAMPLES", "0"))
ONLY = re.compile(os.environ.get("HAAT_FUZZ_ONLY", ""))
SEED = os.environ.get("HAAT_FUZZ_SEED", "20261121")
# Their data may be valid and still be refused for what is known here alone (an offer that is none,
# a page that has no such cursor), and a value they call wrong may be one we understand ("1" for 1).
# Without a token, what is wrong with a request is told before who asks: that operations refuse whom
# they must is test_rights.py's.
EXCLUDED = "positive_data_acceptance,negative_data_rejection,missing_required_header"
LIMIT_S = 12 * 60  # an access token's life, and a little less

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (TOOL and EXAMPLES), reason="HAAT_FUZZ_EXAMPLES is not set, or there is no schemathesis"
    ),
]


def pieces() -> list[str]:
    """The first segments of the API's paths: one run each, with a new token."""
    paths = {name.split(" ")[1] for name in table() if ONLY.search(name.split(" ")[1])}
    return sorted({path.split("/")[1] for path in paths})


@pytest.mark.parametrize("piece", pieces())
async def test_the_document_is_true(town: Town, piece: str, tmp_path: Path) -> None:
    email = "owner@clay-house.example.com"
    client = town.clay.owner
    await town.box.runtime.inner[Identity].grant_staff(
        town.box.runtime.system_context("test"),
        person_id=UUID(client.person["id"]),
        role="super_admin",
    )
    await client.sign_in(email, PASSWORD)
    document: dict[str, Any] = (await town.box.http.get(f"{town.box.address}/openapi.json")).json()
    wanted = re.compile(rf"^/api/v1/{re.escape(piece)}(/|$|\.)")
    document["paths"] = {
        path: what
        for path, what in document["paths"].items()
        if wanted.search(path) and ONLY.search(path.removeprefix("/api/v1"))
    }
    schema = tmp_path / "openapi.json"
    schema.write_text(json.dumps(document), "utf-8")
    command = [TOOL, "run", str(schema), "--url", town.box.address, "--seed", SEED, "--no-color"]
    command += ["--max-examples", str(EXAMPLES), "--workers", "1", "--phases", "coverage,fuzzing"]
    command += ["--checks", "all", "--exclude-checks", EXCLUDED, "--no-shrink"]
    command += ["--suppress-health-check", "all", "--warnings", "off", "--continue-on-failure"]
    command += ["--header", f"Authorization: Bearer {client.token}"]
    running = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path
    )
    told, _ = await asyncio.wait_for(running.communicate(), EXAMPLES * 60 + LIMIT_S)
    assert running.returncode == 0, told.decode("utf-8", "replace")[-20_000:]
