"""Stages that keep or drop rows, one method a file; docs/filters.md has them in a table.

The other files are what these stand on: text and codepoints, phrases, keys, rouge_l, near and its two indexes, encoder,
signs, vectors and nearest, coverage, kernels, ids, order. A filter imports schemas and
its neighbours here, never a generator, a teacher or a flow.
"""
