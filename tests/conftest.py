"""Settings for all tests."""

import os

from hypothesis import settings

from benchmarks.prefect_server import NOWHERE

# No test meets a Prefect server that somebody has running on this machine.
os.environ["PREFECT_SERVER_API_PORT"] = NOWHERE

# No test asserts a time: a busy machine must not fail one. The same examples in every run, so that a failure stays.
settings.register_profile("house", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("house")
