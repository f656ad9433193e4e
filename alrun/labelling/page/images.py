"""Images that a page may show: files of allowed folders, and allowed addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from alrun.errors import LabellingError, quoted

# What browsers show. An SVG could hold a script.
MEDIA_TYPES = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


@dataclass(frozen=True)
class AllowedImages:
    """The folders and addresses that images may be shown from.

    Attributes
    ----------
    base
        The folder that relative paths start at.
    folders
        Their paths, resolved.
    addresses
        The beginnings of web addresses, each up to the slash behind its folder.
    """

    base: Path
    folders: tuple[Path, ...]
    addresses: tuple[str, ...] = ()

    def file_of(self, value: str) -> Path:
        """Return the file that a value names, as a path or a `file:` address.

        Raises LabellingError if it lies outside of the folders, also by a link, or is no image.
        """
        try:
            parts = urlsplit(value)
            name = unquote(parts.path) if parts.scheme == "file" else value
            path = (self.base / name).resolve()
            if not any(path.is_relative_to(folder) for folder in self.folders):
                raise LabellingError(
                    f"the image {quoted(value)} lies outside of the folders that images are shown"
                    " from; allow its folder with --images"
                )
            if path.suffix.lower() not in MEDIA_TYPES:
                raise LabellingError(
                    f"{quoted(value)} is no image that a page shows; known are"
                    f" {', '.join(ending[1:] for ending in MEDIA_TYPES)}"
                )
            if not path.is_file():
                raise LabellingError(f"there is no file {quoted(value)}")
        except (OSError, ValueError, RuntimeError) as error:  # such as a NUL, or links in a circle
            raise LabellingError(f"{quoted(value)} is no path of an image") from error
        return path

    def allows_address(self, value: str) -> bool:
        """Return whether a web address begins as an allowed one, and does not climb out of it."""
        try:
            steps = unquote(urlsplit(value).path).replace("\\", "/").split("/")
        except ValueError:
            return False
        return ".." not in steps and value.isprintable() and value.startswith(self.addresses)


def allowed_images(source: Path, places: Sequence[str]) -> AllowedImages:
    """Return what images may be shown from: the places named, or else the folder of the data.

    Raises LabellingError if a place is neither a folder nor a web address.
    """
    base = source if source.is_dir() else source.parent
    addresses = [place for place in places if is_address(place)]
    folders = [Path(place) for place in places if not is_address(place)]
    for folder in folders:
        if not folder.is_dir():
            raise LabellingError(
                f"--images: {folder} is no folder; name one that is there, or the beginning of an"
                " address such as https://images.example.org/mine/"
            )
    for address in addresses:
        if not urlsplit(address).netloc or ";" in address or not address.isprintable():
            raise LabellingError(f"--images: {quoted(address)} is no web address of a folder")
    return AllowedImages(
        base.resolve(),
        tuple(folder.resolve() for folder in folders or ([] if addresses else [base])),
        tuple(f"{address.rstrip('/')}/" for address in addresses),
    )


def is_address(value: str) -> bool:
    """Return whether a value is a web address, and no path."""
    return value.startswith(("http://", "https://"))
