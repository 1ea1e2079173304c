"""A client of tritonclient that is called in one way, whether it blocks or is asynchronous."""

import asyncio
import importlib
from functools import partial
from inspect import isawaitable

from tritonclient.utils import InferenceServerException, np_to_triton_dtype

PACKAGES = {"sync": "tritonclient.{}", "aio": "tritonclient.{}.aio"}


class Client:
    """Calls wait for their answers. `kind` = sync or aio; `transport` = http or grpc."""

    def __init__(self, transport, kind, address, **options):
        self.library = importlib.import_module(PACKAGES[kind].format(transport))
        self.kind = kind
        self.transport = transport
        self._loop = asyncio.new_event_loop()
        self._client = self._loop.run_until_complete(self._open(address, options))

    async def _open(self, address, options):
        return self.library.InferenceServerClient(address, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        self._loop.close()

    def __getattr__(self, name):
        return partial(self._call, name)

    def _call(self, name, *arguments, **options):
        return self.wait(getattr(self._client, name)(*arguments, **options))

    def wait(self, given):
        """What is given, once it is there."""
        if not isawaitable(given):
            return given
        return self._loop.run_until_complete(asyncio.ensure_future(given, loop=self._loop))

    def input(self, array, name="x", **form):
        """An input; its form is the library's `binary_data`."""
        given = self.library.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        given.set_data_from_numpy(array, **form)
        return given

    def shared(self, name, shape, datatype):
        """An input that lies in a shared memory region."""
        given = self.library.InferInput(name, shape, datatype)
        given.set_shared_memory("region", 4)
        return given

    def output(self, name, **form):
        """An output that is asked for."""
        return self.library.InferRequestedOutput(name, **form)

    def refusal(self, name, *arguments, **options):
        """How a call fails; an error if it does not."""
        try:
            self._call(name, *arguments, **options)
        except InferenceServerException as error:
            return {"status": error.status(), "message": error.message()}
        raise AssertionError("the call was answered")

    def later(self, name, *arguments, **options):
        """A call of an asynchronous client that is not waited for yet."""
        return getattr(self._client, name)(*arguments, **options)

    def gathered(self, calls):
        """What several calls give that are on their way together."""

        async def gather():
            return await asyncio.gather(*calls)

        return self.wait(gather())
