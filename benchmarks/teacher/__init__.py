"""Speed and memory of the teacher engine, each figure a ratio within one run; see `make bench-teacher`.

load.py      what is asked and what is measured, as plain data
clients.py   one process that asks: our engine, a bare loop on the openai client, or a raw aiohttp loop
bench.py     starts servers and clients, each on a core of its own, in turn
cases.py     the cases and what they must reach
figures.py   ratios, targets, the table
"""
