"""A network for a browser in which nothing comes or goes. Where devices of the machine's do, as those of pods,
Chromium gives up what it has under way (ERR_NETWORK_CHANGED)."""

import asyncio
import ctypes
import os
import queue
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000


def enter(call, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, call)(*args) != 0:
        raise OSError(ctypes.get_errno(), f"{call}: {os.strerror(ctypes.get_errno())}")


class StillNetwork:
    """In a `with`, the calling thread is in a network of its own, and so is what it starts: nobody can be
    reached from there but one address, which is answered by whoever has it outside. It needs root.

        with StillNetwork("127.0.0.1", 6443), Browser() as browser: ...
    """

    def __init__(self, host, port):
        self._host, self._port = host, port
        self._outside = None
        self._is_inside = False
        self._listener = None
        self._handed = queue.Queue(1)
        self._relay = threading.Thread(target=self._run, daemon=True)
        self._loop = asyncio.new_event_loop()
        self._is_over = asyncio.Event()

    def __enter__(self):
        # A thread stays in the network that it was begun in, and a socket in that of its maker.
        self._relay.start()
        self._outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            enter("unshare", CLONE_NEWNET)
            self._is_inside = True
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            if not self._host.startswith("127."):
                subprocess.run(["ip", "address", "add", f"{self._host}/32", "dev", "lo"], check=True)
            self._listener = socket.create_server((self._host, self._port))
        except (OSError, subprocess.CalledProcessError):
            self.__exit__()
            raise
        self._handed.put(self._listener)
        return self

    def __exit__(self, *_):
        try:
            if self._is_inside:
                enter("setns", self._outside, CLONE_NEWNET)
        finally:
            os.close(self._outside)
            if self._listener is None:
                self._handed.put(None)
            else:
                self._loop.call_soon_threadsafe(self._is_over.set)
            self._relay.join()

    def _run(self):
        listener = self._handed.get()
        if listener is not None:
            self._loop.run_until_complete(self._serve(listener))
        self._loop.close()

    async def _serve(self, listener):
        server = await asyncio.start_server(self._lead_out, sock=listener)
        await self._is_over.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _lead_out(self, reader, writer):
        try:
            there_reader, there_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(hand_on(reader, there_writer), hand_on(there_reader, writer))


async def hand_on(reader, writer):
    try:
        while data := await reader.read(64 << 10):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
