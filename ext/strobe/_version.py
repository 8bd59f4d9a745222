# SPDX-License-Identifier: Apache-2.0
"""The version of this package."""
import importlib.metadata

try:
    __version__ = importlib.metadata.version("strobe")
except importlib.metadata.PackageNotFoundError:  # a checkout that was built in place
    try:
        from strobe._strobe import __version__
    except ImportError:
        __version__ = "unknown"
