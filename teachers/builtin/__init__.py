"""The offline teacher (``model: builtin``): composes, evolves, judges and solves tasks whose answers it can compute.

``model.py`` is its face: ``reply`` for a conversation, ``count_tokens`` for a text. ``families/`` is what it knows.
How it is asked (in-process or over HTTP, with or without faults) is the business of ``endpoint.py`` and its callers.
"""
