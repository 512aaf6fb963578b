"""Downloads MAESTRO's MIDI archive; resumes an interrupted download and checks the digest."""

import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pooch
import requests
from tqdm import tqdm

from degradation.errors import UserError
from storage.files import storage_error

MAESTRO_URL = (
    "https://storage.googleapis.com/magentadata/datasets/maestro/v3.0.0/maestro-v3.0.0-midi.zip"
)
MAESTRO_SHA256 = "70470ee253295c8d2c71e6d9d4a815189e35c89624b76d22fce5a019d5dde12c"
MOST_UNPACKED_BYTES = 1 << 30
"""Ten times what the published archive unpacks to."""

CHUNK_BYTES = 1 << 20
TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class ResumingDownload:
    """A pooch downloader that keeps what it has in `partial` and asks only for the rest.

    RFC 9110 §14: a `Range` request is answered by 206 with the rest, by 200 with the whole
    from a server that has no ranges, and by 416 when there is nothing left.
    """

    partial: Path

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Download `url` to `output_file`, where pooch then checks it."""
        have = self.partial.stat().st_size if self.partial.exists() else 0
        answer = requests.get(
            url, headers={"Range": f"bytes={have}-"}, stream=True, timeout=TIMEOUT_S
        )
        if answer.status_code != requests.codes.requested_range_not_satisfiable:
            answer.raise_for_status()
            resumed = answer.status_code == requests.codes.partial_content
            have = have if resumed else 0
            total = have + int(answer.headers.get("content-length", 0))
            bar = tqdm(desc="MAESTRO", total=total, initial=have, unit="B", unit_scale=True)
            with self.partial.open("ab" if resumed else "wb") as file, bar:
                for chunk in answer.iter_content(CHUNK_BYTES):
                    file.write(chunk)
                    bar.update(len(chunk))
        self.partial.replace(output_file)


def fetch_maestro(folder: Path, url: str = MAESTRO_URL, sha256: str = MAESTRO_SHA256) -> Path:
    """Download and unpack MAESTRO's MIDI archive into `folder`; return the MAESTRO root.

    An existing root is complete and is returned at once. Raises UserError when the download breaks
    off, and keeps what was downloaded; a file with another digest is deleted.
    """
    name = url.rsplit("/", 1)[-1]
    partial = folder / f"{name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        archive = pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=name,
            path=folder,
            downloader=ResumingDownload(partial),
        )
        return _unpack(Path(archive), folder)
    except requests.RequestException as error:
        have_mb = partial.stat().st_size / 1e6 if partial.exists() else 0.0
        reason = " ".join(str(error).split())
        raise UserError(
            f"the download of {url} broke off after {have_mb:.0f} MB ({reason}); run the same "
            "command again: it goes on from there"
        ) from error
    except ValueError as error:
        raise UserError(
            f"{name} is not the published file: expected SHA-256 {sha256}; it was thrown away: run "
            "the same command again"
        ) from error
    except OSError as error:
        raise storage_error("write", str(folder), error) from error


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive of one top folder; that folder appears whole or not at all.

    Raises UserError for an archive that reaches beyond it, or unpacks to too much.
    """
    with zipfile.ZipFile(archive) as packed:
        tops = {PurePosixPath(name).parts[0] for name in packed.namelist()}
        dots = any(".." in PurePosixPath(name).parts for name in packed.namelist())
        size = sum(file.file_size for file in packed.infolist())  # no more is unpacked than it says
        if len(tops) != 1 or tops == {"/"} or dots or size > MOST_UNPACKED_BYTES:
            raise UserError(
                f"{archive} holds {size / 1e6:.0f} MB in {', '.join(sorted(tops))}; expected one "
                f"folder of at most {MOST_UNPACKED_BYTES / 1e6:.0f} MB: do not unpack it"
            )
        root = folder / tops.pop()
        if root.exists():
            return root
        unfinished = folder / f".{archive.name}.unpacking"
        shutil.rmtree(unfinished, ignore_errors=True)
        packed.extractall(unfinished)
    os.replace(unfinished / root.name, root)
    unfinished.rmdir()
    return root
