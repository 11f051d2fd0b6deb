"""Every attack by an image: what is refused or read is what the table says, and nothing is left behind."""

from pathlib import Path

import pytest

from bundler.images.image import Image
from bundler.images.manifest import PlatformChoice
from bundler.images.platform import Platform
from bundler.images.transports.access import Access
from bundler.images.transports.table import open_image, parse_reference
from tests.attacks.archives import ARCHIVES
from tests.attacks.documents import DOCUMENTS, ONE, ImageAttack
from tests.support.image_files import write_folder
from tests.support.opened import layer_contents

EVERY = {f"documents: {name}": attack for name, attack in DOCUMENTS.items()}
EVERY |= {f"archives: {name}": attack for name, attack in ARCHIVES.items()}
OVER_A_LIMIT = ("allowed", "decompresses to more", "larger than")


def read(attack: ImageAttack, tmp_path: Path) -> tuple[Image, list[bytes]]:
    path = tmp_path / "image"
    if isinstance(attack.image, bytes):
        path.write_bytes(attack.image)
    else:
        write_folder(path, attack.image)
    (tmp_path / "workspace").mkdir()
    with open_image(
        parse_reference(str(path)),
        PlatformChoice.of(None, Platform.parse("linux/amd64")),
        access=Access(offline=True),
        workspace=tmp_path / "workspace",
        limits=attack.limits,
    ) as image:
        (tmp_path / "opened").touch()
        return image, layer_contents(image)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("attack", EVERY.values(), ids=EVERY)
def test_an_attack_ends_as_the_table_says(tmp_path: Path, attack: ImageAttack) -> None:
    if not attack.says and not attack.when_read:
        image, layers = read(attack, tmp_path)
        assert tuple(layers) == ONE.layers
        assert image.transport in {"oci", "docker-archive"}
    else:
        with pytest.raises(attack.error) as raised:
            read(attack, tmp_path)
        assert type(raised.value) is attack.error
        assert attack.says in raised.value.what
        assert raised.value.what.isprintable()
        assert (tmp_path / "opened").exists() == attack.when_read
        assert ("--limit" in (raised.value.hint or "")) == any(words in raised.value.what for words in OVER_A_LIMIT)
    assert list((tmp_path / "workspace").iterdir()) == []
