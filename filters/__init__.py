"""Stages that keep or drop rows, one method a file: heuristics, novelty, minhash, embedding.

The other files are what these four stand on: text and codepoints, rouge_l, near and its two indexes, kernels, ids,
order, phrases. A filter imports schemas and
its neighbours here, never a generator, a teacher or a flow.
"""
