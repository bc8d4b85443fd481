"""Datasets over HTTP: a server that hands out published versions, and the client that fetches one.

The server, from the outside in: ``server`` (a process) and ``connection``; ``app`` (which path is answered by what),
``guard`` (who may ask) and ``openapi``; ``pages`` and ``listing`` (what there is, for people and for programs);
``shelves`` (a version's files and archives), ``files`` and ``conditions`` (ETag, ranges), ``archive`` and ``body``
(bytes on their way); ``catalog`` (manifests) over ``local`` or ``remote``. ``paths`` says what may be asked for at all.

The client: ``client`` (a version), ``fetch`` (a file, however often the connection breaks), ``target`` (the folder).
"""
