# SPDX-License-Identifier: Apache-2.0
"""strobe.label: what the program says of itself at the time, where a recording finds it."""
from __future__ import annotations

import contextvars
import functools
import inspect
from typing import Any, Callable, Dict, Tuple, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

_LABELS: contextvars.ContextVar[Dict[str, str]]
_LABELS = contextvars.ContextVar("strobe_labels")  # a dict, never changed: the name that sampler/billing/labels.c looks for
# The blocks that this context is in, outermost first.  Not tokens of _LABELS: they can be used once, and in the context they are of, and an
# async generator that its loop finalises ends its block in another one.
_ENTERED: contextvars.ContextVar[Tuple[Tuple["label", Dict[str, str]], ...]]
_ENTERED = contextvars.ContextVar("strobe_entered", default=())


def _set(entered: Tuple[Tuple["label", Dict[str, str]], ...]) -> None:
    labels: Dict[str, str] = {}
    for _, values in entered:
        labels.update(values)
    _ENTERED.set(entered)
    _LABELS.set(labels)


class label:
    """`with strobe.label(request_id=..., trace_id=...)`: what runs inside of it, and the tasks and threads (to_thread) that are begun there,
    is recorded under these values; SampledProfile.by("request_id") splits a profile by them.  Also a decorator of functions, coroutine functions and
    generator functions of both kinds: what these do themselves is labelled, not what their callers do between two steps.

    One object may be used by several tasks and threads, and again inside of itself.
    """

    def __init__(self, **values: Any) -> None:
        self._values = {name: str(value) for name, value in values.items()}

    def __enter__(self) -> label:
        _set(_ENTERED.get() + ((self, self._values),))
        return self

    def __exit__(self, *exc: Any) -> None:
        entered = _ENTERED.get()
        for i in range(len(entered) - 1, -1, -1):
            if entered[i][0] is self:
                _set(entered[:i] + entered[i + 1:])
                return

    def __call__(self, function: _Function) -> _Function:
        wrapped: Any
        if isinstance(function, type) or not callable(function):
            raise TypeError("strobe.label decorates functions, not %r" % (function,))
        if inspect.isasyncgenfunction(function):
            wrapped = self._async_generator(function)
        elif inspect.isgeneratorfunction(function):
            wrapped = self._generator(function)
        elif inspect.iscoroutinefunction(function):

            async def wrapped(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)
        else:

            def wrapped(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return function(*args, **kwargs)

        return functools.wraps(function)(wrapped)  # type: ignore[return-value]

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            step, value = generator.send, None
            while True:
                with self:
                    try:
                        item = step(value)
                    except StopIteration as end:
                        return end.value
                try:
                    step, value = generator.send, (yield item)
                except GeneratorExit:
                    with self:
                        generator.close()
                    raise
                except BaseException as error:
                    step, value = generator.throw, error

        return wrapped

    def _async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            step, value = generator.asend, None
            while True:
                with self:
                    try:
                        item = await step(value)
                    except StopAsyncIteration:
                        return
                try:
                    step, value = generator.asend, (yield item)
                except GeneratorExit:
                    with self:
                        await generator.aclose()
                    raise
                except BaseException as error:
                    step, value = generator.athrow, error

        return wrapped
