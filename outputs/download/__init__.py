"""Datasets over HTTP: a server that hands out published versions, and the client that fetches one.

paths.py         what may be asked for, and how its URL is written
local.py         versions in a folder of this machine        remote.py       versions in a store such as S3
catalog.py       what there is, by its manifests
conditions.py    ETag, dates, ranges                         body.py         bytes on their way, a piece at a time
files.py         one file as a response                      archive.py      a version as a zip or a tar
pages.py         for people                                  listing.py      for programs
guard.py         tokens, foreign hosts, headers              openapi.py      what the server answers, described
app.py           the application                             server.py       a process that serves it
connection.py    connections that dawdle
client.py        a version fetched, over HTTP or from a folder;  fetch.py, target.py: one file, and where it goes
"""
