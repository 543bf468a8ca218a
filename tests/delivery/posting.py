"""Posts by a client of their own, and what they may reach."""

import asyncio
from uuid import uuid4

from webhooks.delivery.client import Client
from webhooks.delivery.egress_policy import EgressPolicy

LOOPBACK = EgressPolicy.parse("127.0.0.1 localhost")
STRICT = EgressPolicy()
WITH_HTTP = EgressPolicy.parse(allow_http=True)
PUBLIC = "93.184.216.34"
OTHER = "93.184.216.35"
METADATA = "169.254.169.254"


PARTNER = uuid4()


async def post(client, url, *, body=b"{}", headers=None, timeout=30.0, partner=PARTNER):
    return await client.send(
        url, body=body, headers=headers or {}, timeout=timeout, partner=partner
    )


def send(url, policy=LOOPBACK, *, body=b"{}", headers=None, timeout=30.0, **options):
    """One post by a client of its own."""

    async def once():
        async with Client(policy, **options) as client:
            return await post(client, url, body=body, headers=headers, timeout=timeout)

    return asyncio.run(once())


def send_in_time(url, policy=LOOPBACK, *, timeout, **options):
    """The same, where it has ended once twice its time is over by the clock of its own
    event loop: what delays the one delays the other."""

    async def once():
        async with Client(policy, **options) as client:
            sending = asyncio.create_task(post(client, url, timeout=timeout))
            await asyncio.sleep(0)  # it begins
            await asyncio.sleep(2 * timeout)
            for _ in range(100):  # steps, for it to end
                await asyncio.sleep(0)
            assert sending.done(), "it goes on after its deadline"
            return sending.result()

    return asyncio.run(once())
