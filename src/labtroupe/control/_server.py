"""The control service over a Unix socket."""

from __future__ import annotations

import errno
import fcntl
import inspect
import logging
import os
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from labtroupe.control._exact import to_exact
from labtroupe.control._operations import operations_of
from labtroupe.control._service import Service
from labtroupe.control._wire import (
    Request,
    decode_request,
    encode_error,
    encode_item,
    encode_result,
    to_json,
)
from labtroupe.errors import BenchError, InternalError, LabtroupeError
from labtroupe.records import CallResult

_log: Final = logging.getLogger(__name__)
# Longer than any request of ours; a client that sends more is none of ours.
_LONGEST_REQUEST: Final = 1 << 20
_OTHER_VERSION: Final = "Use the labtroupe command of the version that runs the bench."


@contextmanager
def open_listener(path: Path) -> Generator[trio.SocketListener]:
    """Claim a bench's control socket, which only this user can open.

    To be held before the bench is opened: a second bench of the same name must fail
    before it touches the ports of the first.  Who connects before `serve` waits for it.

    Raises:
        BenchError: Another process has it, or there is no place for it.
    """
    with _only_server(path):
        listener = _listen(path)
        try:
            yield listener
        finally:
            listener.socket.close()
            path.unlink(missing_ok=True)


async def serve(service: Service, listener: trio.SocketListener) -> None:
    """Answer requests until cancelled."""
    await trio.serve_listeners(partial(_answer, service), [listener])


@contextmanager
def _only_server(path: Path) -> Generator[None]:
    """Hold the lock beside the socket; a second server would silently take over the path."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _no_socket(path, error) from error
    try:
        try:
            # The kernel lets go of it with the process, however that ends.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                raise
            holder = os.read(fd, 32).decode(errors="replace").strip() or "unknown"
            raise BenchError(
                f"a bench named {path.stem!r} is running already, as process {holder}",
                remedy="Stop it first, attach to it (`labtroupe.sync`), or give this bench another name.",
            ) from None
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(fd)


def _listen(path: Path) -> trio.SocketListener:
    path.unlink(missing_ok=True)  # Left behind by a server that was killed: we hold the lock.
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    # Nobody else may connect, not even between bind and a chmod.
    before = os.umask(0o177)
    try:
        sock.bind(str(path))
    except OSError as error:
        sock.close()
        raise _no_socket(path, error) from error
    finally:
        os.umask(before)
    sock.listen()
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))


def _no_socket(path: Path, error: OSError) -> BenchError:
    # A path that is too long for a Unix socket has no strerror.
    return BenchError(
        f"cannot serve the control socket {path}: {error.strerror or error}",
        remedy="Give the bench a shorter name, or set XDG_RUNTIME_DIR to a directory of your own.",
    )


async def _answer(service: Service, stream: trio.SocketStream) -> None:
    """Answer the one request of a connection; nothing that happens here ends the server."""
    async with stream:
        try:
            await _answer_one(service, stream)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # The client is gone, and with it whoever would read about it.
        except* Exception:  # noqa: BLE001 - one request must not end the bench
            _log.exception("a request over the control socket failed")


async def _answer_one(service: Service, stream: trio.SocketStream) -> None:
    line = await _read_line(stream)
    if not line:
        return  # It only looked whether anybody is here.
    async with trio.open_nursery() as nursery:
        # A client that goes away, as on Ctrl-C, cancels what it asked for.
        nursery.start_soon(_cancel_at_end, stream, nursery.cancel_scope)
        try:
            request = decode_request(line)
            if request.op in (streams := _streams(service)):
                items = streams[request.op]
                await _send_items(stream, items(**_arguments(items, request.args)))
            else:
                await stream.send_all(encode_result(await _perform(service, request)))
        except LabtroupeError as error:
            await stream.send_all(encode_error(error))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise  # There is nobody left to tell.
        except Exception as error:  # noqa: BLE001 - a fault of ours must not look like a bench that has gone
            _log.exception("a request over the control socket failed")
            await stream.send_all(encode_error(InternalError(f"the bench could not answer: {error!r}")))
        nursery.cancel_scope.cancel()


async def _read_line(stream: trio.SocketStream) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        data = await stream.receive_some()
        line += data
        if not data or len(line) > _LONGEST_REQUEST:
            break
    return line


async def _cancel_at_end(stream: trio.SocketStream, scope: trio.CancelScope) -> None:
    with suppress(trio.BrokenResourceError):
        while await stream.receive_some():
            pass
    scope.cancel("its client is gone")


async def _perform(service: Service, request: Request) -> object:
    operation = operations_of(service).get(request.op)
    if operation is None:
        raise LabtroupeError(f"no operation {request.op!r}", remedy=_OTHER_VERSION)
    result = operation(**_arguments(operation, request.args))
    result = await result if inspect.isawaitable(result) else result
    if isinstance(result, CallResult):
        encode = to_exact if request.op == "ask" else to_json
        return msgspec.structs.replace(result, value=encode(result.value))
    return result


def _arguments(operation: Callable[..., object], args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``args`` if the operation takes them, each of the type it declares."""
    signature = inspect.signature(operation, eval_str=True)
    try:
        given = signature.bind(**args).arguments
        return {
            name: msgspec.convert(value, signature.parameters[name].annotation)
            for name, value in given.items()
        }
    except (TypeError, msgspec.ValidationError) as error:
        raise LabtroupeError(f"not a request: {error}", remedy=_OTHER_VERSION) from None


def _streams(service: Service) -> Mapping[str, Callable[..., AsyncGenerator[object]]]:
    """Return the operations that answer with one item after the other."""
    return {"events": service.events, "record": service.recording.record}


async def _send_items(stream: trio.SocketStream, items: AsyncGenerator[object]) -> None:
    async with aclosing(items):
        async for item in items:
            await stream.send_all(encode_item(item))
