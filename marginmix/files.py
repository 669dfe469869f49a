"""Files that are never half-written, and hashes of what they hold."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from marginmix.errors import UserError


def write_atomically(path: Path | str, data: bytes | str) -> None:
    """Write beside, fsync, rename: a reader sees the old file or the new one, whatever kills the writer."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror} ({error.filename})") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def write_json(path: Path | str, content: Any) -> None:
    """`content` as indented JSON with sorted keys, ended by a newline."""
    write_atomically(path, json.dumps(content, indent=1, sort_keys=True) + "\n")


def read_json(path: Path | str) -> Any:
    """The content of a JSON file; a missing or broken one is a `UserError`."""
    try:
        return json.loads(Path(path).read_text())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); delete it and run again") from error


def hash_of(content: Any) -> str:
    """First 16 hexadecimal digits of the SHA-256 of `content` as canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
