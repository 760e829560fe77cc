"""A URL and its mirror in the cache folder.

What stands at a URL is mirrored into a cache folder, under the names that it has there: mirror/s3/bucket/photos/1.jpg.
Commands read and write the mirror as they do any folder, and what they wrote is put to the URL at the end. (fsspec's
own caches keep files under other names, or no folders.) A list beside the mirror tells what is new or changed: there
by size and version, here by size and time.
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from toolkit.errors import MissingExtraError, ToolkitError
from toolkit.progress import Progress, silent
from toolkit.remote.addresses import URL, without_password
from toolkit.remote.cache import cache_folder, is_unfit, make_cache, refuse_clashes, size_and_time

# What tells versions of a file apart, in the words of fsspec's libraries.
_VERSION = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "updated", "mtime", "created")
# Where an upload appears whole or not at all; elsewhere a file is written beside its place, and moved.
_WHOLE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "memory")
_AT_A_TIME = 16  # files, where the library can do several
_SLICE = 256  # files asked for together; after Ctrl-C those under way are waited for

_Info = Mapping[str, Any]  # of a file, as fsspec tells it
_Noted = list[Any]  # version there, size here, time here


class Remote:
    """A URL and its mirror: ``url`` without a password, ``path`` where the mirror of it stands, or will. Names of files
    are those below the bucket or host, with slashes."""

    def __init__(self, url: str) -> None:
        """Raises ToolkitError where no folder can have the URL's names."""
        self._given, self.url = url.rstrip("/"), without_password(url.rstrip("/"))
        found = URL.match(self.url)
        if found is None or (found[3] and any(map(is_unfit, found[3].split("/")))):
            raise ToolkitError(f"{self.url}: is no address of files: write it as s3://bucket/folder")
        self._scheme, host, self._name = found[1].lower(), found[2], found[3]
        self._cache = cache_folder()
        host = quote(host, safe="@") if host.strip(".") else ""
        self._root = self._cache / "mirror" / self._scheme / host
        self._list_path = self._cache / "lists" / f"{self._scheme}-{host}.jsonl"
        self._incoming = self._cache / "incoming" / f"{self._scheme}-{host}"
        self.path = self._root / self._name
        self._held: dict[str, str] = {}  # versions of the files of an output, as the command found them

    def fetch(self, tell: Progress = silent) -> None:
        """Mirror the file, or all files of the folder, that are new or changed, and drop what is gone there. What came
        before an interruption stays. Raises ToolkitError, one line, where nothing is there or can be read, or where
        names would lead out of the mirror or stand for each other there."""
        with self._mirror(tell), self._explained("read"):
            found = self._files()
            if not found:
                raise ToolkitError(f"{self.url}: there are no files: check the address")
            self._update(found, tell)

    def fetch_earlier(self, tell: Progress = silent) -> None:
        """Mirror what an output would be written over, if anything: the file or folder, and its tables beside it."""
        if not self._name:
            raise ToolkitError(f"{self.url}: names no file: add a name")
        with self._mirror(tell), self._explained("read"):
            if self._scheme in _WHOLE and self._scheme != "memory":
                with contextlib.suppress(
                    PermissionError
                ):  # of the whole bucket, which a part of it does not need
                    self._system.info(self._base.rstrip("/"))  # before any work, that it is there
            found = {**self._files(), **self._files_beside()}
            self._held = {name: _version(info) for name, info in found.items()}
            self._update(found, tell, newer_stay=True)

    def put(self, tell: Progress = silent) -> int:
        """Put what a command wrote to the URL, each file whole or not at all, in the order in which they were written;
        take away there what it took away here. How many were put. The SQLite file of a run stays here. Raises
        ToolkitError where it cannot be written, or somebody else wrote there meanwhile: all is then still in the mirror,
        and put when the command is run again."""
        with self._mirror(tell), self._explained("written"):
            noted = self._list()
            paths = {self._name_of(path): path for path in sorted(self._written(), key=_time)}
            new = [name for name, path in paths.items() if noted.get(name, [])[1:] != size_and_time(path)]
            for done, name in enumerate(new):
                tell("putting", done, len(new))
                self._put_one(name)
            for name in self._held:
                if not (self._root / name).exists():
                    self._take_away(name)
            tell("putting", len(new), len(new))
            return len(new)

    # --- what is at the URL -----------------------------------------------------------------------------------

    def _files(self) -> dict[str, _Info]:
        """The files at the URL by their names; {} where there are none."""
        try:
            info = self._system.info(self._base + self._name)
        except FileNotFoundError:
            return {}
        if info["type"] != "directory":
            return {self._name: info}
        # Some libraries would leave out folders that may not be read, unless told to complain.
        told = {} if self._system.async_impl else {"on_error": "raise"}
        return self._named(self._system.find(self._base + self._name, detail=True, **told).values())

    def _files_beside(self) -> dict[str, _Info]:
        folder = (self._base + self._name).rpartition("/")[0]
        try:
            listing = self._system.ls(folder, detail=True)
        except FileNotFoundError:
            return {}
        return self._named(
            info for info in listing if info["type"] == "file" and self._is_beside(info["name"])
        )

    def _named(self, listing: Iterable[_Info]) -> dict[str, _Info]:
        """Files by their names, without hidden ones; ToolkitError for a name that would lead out of the mirror."""
        found = {}
        for info in listing:
            name, inside = info["name"].removeprefix(self._base), len(self._name) + 1 if self._name else 0
            if name.endswith("/") and not info["size"]:  # how object stores mark an empty folder
                continue
            if not info["name"].startswith(self._base) or any(map(is_unfit, name.split("/"))):
                raise ToolkitError(f"{self.url}: {name!r} can be the name of no file here: rename it there")
            if not any(part.startswith(".") for part in name[inside:].split("/")):
                found[name] = info
        return found

    def _is_beside(self, name: str) -> bool:
        """Whether a file in the folder of an output is a table or a receipt of it, by its name."""
        last, stem = PurePosixPath(name).name, self.path.stem
        return last.startswith(f"{stem}_") or last == f"{stem}.toolkit.json"

    # --- into the mirror --------------------------------------------------------------------------------------

    def _update(self, found: Mapping[str, _Info], tell: Progress, newer_stay: bool = False) -> None:
        """Make the mirror what was ``found`` there. ``newer_stay``: but for what could not yet be put there."""
        noted = self._list()
        for name in noted.keys() - found.keys():
            if self._is_part(name):
                self._drop(name)
        refuse_clashes(self.url, found, self._root)
        new = []
        for name, info in found.items():
            version, *here = noted.get(name, [""])
            now = size_and_time(self._root / name)
            if version != _version(info) or not now or (here != now and not newer_stay):
                new.append(name)
        tell("fetching", 0, len(new))
        for done, name in enumerate(self._fetch_each(new, found), 1):
            self._note(name, _version(found[name]))
            tell("fetching", done, len(new))

    def _is_part(self, name: str) -> bool:
        """Whether a mirrored file is of this URL."""
        folder = PurePosixPath(self._name)
        below = PurePosixPath(name).is_relative_to(folder)
        return below or (PurePosixPath(name).parent == folder.parent and self._is_beside(name))

    def _fetch_each(self, names: Sequence[str], found: Mapping[str, _Info]) -> Iterator[str]:
        """Fetch files; each name when it is there, in their order."""

        def fetch(name: str) -> str:
            self._fetch_one(name, found[name])
            return name

        pool = ThreadPoolExecutor(_AT_A_TIME if self._system.async_impl else 1)
        try:
            for start in range(0, len(names), _SLICE):
                yield from pool.map(fetch, names[start : start + _SLICE])
        finally:
            pool.shutdown(cancel_futures=True)

    def _fetch_one(self, name: str, info: _Info) -> None:
        target, part = self._root / name, self._incoming / uuid.uuid4().hex
        try:
            self._system.get_file(self._base + name, str(part))
            if part.stat().st_size != info["size"]:
                raise ToolkitError(f"{self.url}: {name} changed while it was fetched: rerun the command")
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def _drop(self, name: str) -> None:
        """Take away what is gone there, and the folders that are empty then."""
        path = self._root / name
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty
            for folder in PurePosixPath(name).parents[:-1]:
                (self._root / folder).rmdir()

    # --- out of the mirror ------------------------------------------------------------------------------------

    def _written(self) -> Iterator[Path]:
        """What commands have written, but for what this machine alone needs."""
        inside = self.path.rglob("*") if self.path.is_dir() else [self.path]
        beside = self.path.parent.glob("*") if self.path.parent.is_dir() else []
        for path in {*inside, *(one for one in beside if self._is_beside(one.name))}:
            local = path.name.startswith(".") or ".toolkit.sqlite" in path.name or path.suffix == ".lock"
            if path.is_file() and not local:
                yield path

    def _put_one(self, name: str) -> None:
        place, path = self._base + name, str(self._root / name)
        if self._version_now(place) != self._held.get(name, ""):
            raise ToolkitError(
                f"{self.url}: somebody else wrote {name} meanwhile: what this run wrote is {path}"
            )
        if self._scheme in _WHOLE:
            self._system.put_file(path, place)
        else:
            self._put_beside(path, place)
        self._held[name] = self._version_now(place)
        self._note(name, self._held[name])

    def _put_beside(self, path: str, place: str) -> None:
        folder, _, last = place.rpartition("/")
        part = f"{folder}/.{last}.{uuid.uuid4().hex}.part"
        self._system.makedirs(folder, exist_ok=True)
        try:
            self._system.put_file(path, part)
            self._system.mv(part, place)
        except BaseException:
            with contextlib.suppress(Exception):  # it is the first error that tells what is wrong
                self._system.rm_file(part)
            raise

    def _take_away(self, name: str) -> None:
        if self._version_now(self._base + name) == self._held[name]:  # nobody wrote it anew, or was faster
            self._system.rm_file(self._base + name)

    def _version_now(self, place: str) -> str:
        self._system.invalidate_cache()
        try:
            return _version(self._system.info(place))
        except FileNotFoundError:
            return ""

    # --- the mirror and its list ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _mirror(self, tell: Progress) -> Iterator[None]:
        """Hold the mirror of the bucket or host, made where there is none: one process at a time changes it."""
        from filelock import FileLock, Timeout

        try:
            make_cache(self._cache)
            self._list_path.parent.mkdir(exist_ok=True)
            lock = FileLock(self._list_path.with_suffix(".lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                tell("waiting for another run that fetches or puts", 0, 1)
                lock.acquire()
        except OSError as error:
            raise ToolkitError(f"{self._cache}: {error.strerror}: name another with TOOLKIT_CACHE") from None
        try:
            shutil.rmtree(self._incoming, ignore_errors=True)  # of a run that was killed
            self._incoming.mkdir(parents=True, exist_ok=True)
            yield
        finally:
            lock.release()

    def _list(self) -> dict[str, _Noted]:
        """What is known of the files in the mirror, by name."""
        noted = {}
        with contextlib.suppress(FileNotFoundError), self._list_path.open(encoding="utf-8") as file:
            for line in file:
                with contextlib.suppress(ValueError):  # half a line, of a run that was killed
                    name, *known = json.loads(line)
                    noted[name] = known
        return noted

    def _note(self, name: str, version: str) -> None:
        with self._list_path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps([name, version, *size_and_time(self._root / name)]) + "\n")

    def _name_of(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    # --- fsspec -----------------------------------------------------------------------------------------------

    @cached_property
    def _found(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise MissingExtraError("fsspec (for URLs)", "remote") from None
        try:
            system, path = url_to_fs(self._given)
        except ImportError as error:
            package = getattr(error.__cause__ or error, "name", None)
            remedy = f"{package} is not installed: run  pip install {package}" if package else error
            raise ToolkitError(f"{self.url}: {remedy}") from None
        except ValueError as error:
            raise ToolkitError(f"{self.url}: {error}: write it as s3://bucket/folder") from None
        system.invalidate_cache()
        if not path.endswith(self._name):
            raise ToolkitError(f"{self.url}: is read as {path}: write it without special characters")
        return system, path[: len(path) - len(self._name)].rstrip("/") + "/"

    @property
    def _system(self) -> Any:
        return self._found[0]

    @property
    def _base(self) -> str:
        """What fsspec writes before the names."""
        return self._found[1]

    @contextlib.contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """Turn what fsspec's libraries raise, each in its own way, into one line that names the URL and the fix."""
        try:
            yield
        except ToolkitError:
            raise
        except FileNotFoundError:
            raise ToolkitError(f"{self.url}: there is no such bucket or folder: check the address") from None
        except PermissionError as error:
            text = f"may not be {done} ({_line(error)}): check your credentials and rights"
            raise ToolkitError(f"{self.url}: {text}") from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise ToolkitError(
                    f"{self.url}: cannot be {done} ({_line(error)}): check the address"
                ) from None
            raise ToolkitError(f"{self._cache}: is full: name another with TOOLKIT_CACHE") from None
        except Exception as error:
            text = f"{type(error).__name__}: {_line(error)}"
            raise ToolkitError(
                f"{self.url}: cannot be {done} ({text}): check address and credentials"
            ) from None


def _line(error: Exception) -> str:
    return without_password(" ".join(str(error).split()))[:300] or type(error).__name__


def _version(info: _Info) -> str:
    version = next((info[key] for key in _VERSION if info.get(key)), "")
    told = version.timestamp() if isinstance(version, datetime) else version  # as some listings tell it
    return f"{info['size']} {told}"


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns
