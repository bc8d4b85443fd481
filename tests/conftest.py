"""Settings for all tests."""

from hypothesis import settings

# No test asserts a time: a busy machine must not fail one. The same examples in every run, so that a failure stays.
settings.register_profile("house", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("house")
