"""How the download server says which folder it serves, without telling its path."""

import hashlib
from pathlib import Path


def root_mark(root: str) -> str:
    """The mark of the folder or URL ``root``: the same for the same folder, however it is written."""
    place = root if "://" in root else str(Path(root).resolve())
    return hashlib.blake2b(place.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
