"""Stages that keep or drop rows, one method a file: heuristics, novelty, minhash, embedding.

The other files are what these four stand on: text, shingles, rouge_l, order, phrases. A filter imports schemas and
its neighbours here, never a generator, a teacher or a flow.
"""
