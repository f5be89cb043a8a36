"""Asks an address again and again until a certain node answers."""

from __future__ import annotations

import asyncio
import contextlib
import time

EVERY_SECONDS = 0.01
DEADLINE_SECONDS = 30.0


def first_answer(address: tuple[str, int], path: str, node: str) -> float:
    """Return when (Unix seconds) `node` first answered with 200.

    A new connection every 10 ms, whatever became of those before. Raises TimeoutError after 30 s.
    """
    return asyncio.run(_ask_until(address, path, node))


async def _ask_until(address: tuple[str, int], path: str, node: str) -> float:
    found: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    asking: set[asyncio.Task[None]] = set()

    async def ask() -> None:
        if await _answers(address, path, node) and not found.done():
            found.set_result(time.time())

    async def keep_asking() -> None:
        while True:
            task = asyncio.create_task(ask())
            asking.add(task)
            task.add_done_callback(asking.discard)
            await asyncio.sleep(EVERY_SECONDS)

    keeper = asyncio.create_task(keep_asking())
    try:
        return await asyncio.wait_for(found, DEADLINE_SECONDS)
    finally:
        keeper.cancel()
        for task in list(asking):
            task.cancel()
        await asyncio.gather(keeper, *asking, return_exceptions=True)


async def _answers(address: tuple[str, int], path: str, node: str) -> bool:
    """Ask once; tell whether it was that node and all was well."""
    try:
        reader, writer = await asyncio.open_connection(*address)
    except OSError:
        return False
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read(4096)).decode("latin-1")
    except OSError:
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    head = answer.partition("\r\n\r\n")[0]
    return head.startswith("HTTP/1.1 200") and f"\r\nX-Node: {node}" in head
