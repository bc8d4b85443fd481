"""The report on a version: what was made, what was dropped and why, as charts, tables, markdown and one HTML page.

    model.py      what a report holds; data only
    data.py       collects it from a version's files and manifest, with the memory of a sample
    counts.py     histograms and counts over all rows
    samples.py    the rows that are shown, their parents and neighbours
    plane.py      vectors as points on a plane
    charts.py     each chart as SVG (svg.py draws, bars.py and columns.py are the two shapes most charts have)
    text.py       a model's text, made harmless for markdown, for Prefect's tables and for XML
    words.py      what a reason means, in a sentence
    markdown.py   the report, the card, the download page and the sample tables
    page.py       report.html (writer.py puts it beside the card)

Nothing here knows Prefect: what is made are strings and plain tables.
"""
