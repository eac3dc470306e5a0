"""What all public data sets share: their files lie where a person has put them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mspt.data.dataset import CaseDone, Dataset, Request
from mspt.data.files import DATA
from mspt.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """Files of others, in a folder that a person names.

    Attributes:
        places: Folders below the given one that are searched for them.
        sign: Pattern of a file or folder that shows that they are there.
    """

    places: tuple[str, ...]
    sign: str

    def find_folder(self, dataset: Dataset, root: Path | None) -> Path:
        """Return the folder of the data set, at or below ``root``, which defaults to ``data``.

        Raises:
            DataError: If it is not there; the message says what is expected and where it is found.
        """
        base = DATA if root is None else root
        for folder in (base, base / dataset.name):
            for place in self.places:
                if any((folder / place).glob(self.sign)):
                    return folder / place
        raise DataError(
            f"--data must be a folder with {dataset.files}, got no {self.sign} in or below "
            f"'{base}'; {dataset.name} is not made here but downloaded: {dataset.publication}, "
            f"{dataset.licence}"
        )

    def generate(self, dataset: Dataset, request: Request) -> Iterator[CaseDone]:  # noqa: ARG002
        """Refuse: public data are downloaded.

        Raises:
            DataError: Always; the message says where they are found.
        """
        raise DataError(
            f"data set must be one that is generated here, got {dataset.name}, which is "
            f"downloaded: {dataset.publication}, {dataset.licence}"
        )

    def ship(
        self,
        dataset: Dataset,
        root: Path,  # noqa: ARG002 - one signature for all sources
        out: Path,  # noqa: ARG002
        limits: Mapping[str, int],  # noqa: ARG002
    ) -> Mapping[str, int]:
        """Refuse: the data of others are not shipped.

        Raises:
            DataError: Always.
        """
        raise DataError(f"data set must be one that is generated here, got {dataset.name}")
