"""Your own images: both layouts, and what is wrong with a folder said in words."""

import numpy as np
import pytest
from PIL import Image

from layerscope.data import folder
from layerscope.source import DataError


def write(root, names, size=(20, 10), mode="L"):
    """An image (width 20, height 10) at each name, each of its own grey."""
    for i, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, (50 + i,) * 3 if mode == "RGB" else 50 + i).save(path)
    return root


FLAT = [f"{k}/{i}.png" for k in ("cat", "dog") for i in range(3)]
PATIENTS = [f"{k}/{p}/{i}.png" for k in ("ill", "well") for p in ("Ann", "Bo", "Cy") for i in range(2)]


def test_images_in_the_folders_of_classes_each_are_their_own_group(tmp_path):
    loaded = folder.load(write(tmp_path / "pets", FLAT), size=16)
    data = loaded.dataset
    assert data.classes == ("cat", "dog")
    assert data.ids.tolist() == FLAT
    assert data.targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert len(set(data.groups.tolist())) == 6
    assert data.source.group.startswith("unknown: each image counts as its own group")
    assert loaded.origin == "pets (6 images, laid on 16 × 16 pixels)"
    pixels = data.inputs.pixels
    assert pixels.shape == (6, 1, 16, 16)
    assert pixels[:, 0, 8, 8].tolist() == list(range(50, 56))
    assert pixels[0, 0, 3].max() == 0, "padded above, since it is wider than high"
    assert pixels[0, 0, 4:12].min() == 50


def test_images_in_the_folders_of_patients_have_them_as_groups_in_whatever_class(tmp_path):
    loaded = folder.load(write(tmp_path, PATIENTS))
    data = loaded.dataset
    assert data.groups.tolist() == [0, 0, 1, 1, 2, 2] * 2
    assert data.source.group.startswith("patient")
    assert "12 images of 3 patients" in loaded.origin


def test_files_of_the_same_name_in_two_classes_are_not_the_same_group(tmp_path):
    assert len(set(folder.load(write(tmp_path, FLAT)).dataset.groups)) == 6


def test_colour_is_kept_where_there_is_any(tmp_path):
    write(tmp_path, FLAT)
    Image.new("RGB", (8, 8), (200, 10, 10)).save(tmp_path / "dog" / "red.png")
    pixels = folder.load(tmp_path, size=8).dataset.inputs.pixels
    assert pixels.shape == (7, 3, 8, 8)
    assert pixels[-1, :, 0, 0].tolist() == [200, 10, 10]
    with pytest.raises(
        DataError, match=r"1 of 7 images cannot be used.\n  dog/red.png: a colour image, grey is needed"
    ):
        folder.load(tmp_path, channels=1)


def test_the_identity_changes_with_a_pixel_a_name_and_the_size(tmp_path):
    write(tmp_path, FLAT)
    found = [folder.load(tmp_path).identity, folder.load(tmp_path).identity, folder.load(tmp_path, size=64).identity]
    Image.new("L", (20, 10), 99).save(tmp_path / FLAT[0])
    found.append(folder.load(tmp_path).identity)
    (tmp_path / FLAT[0]).rename(tmp_path / "cat" / "other.png")
    found.append(folder.load(tmp_path).identity)
    assert found[0] == found[1]
    assert len(set(found)) == 4


def test_an_image_that_cannot_be_read_is_named_with_its_cause(tmp_path):
    write(tmp_path, FLAT)
    (tmp_path / "cat" / "cut.png").write_bytes((tmp_path / FLAT[0]).read_bytes()[:50])
    (tmp_path / "dog" / "empty.jpg").write_bytes(b"")
    (tmp_path / "dog" / "notes.txt").write_text("not an image")
    with pytest.raises(DataError, match=r"2 of 8 images cannot be used.\n  cat/cut.png: .+\n  dog/empty.jpg: an empty"):
        folder.load(tmp_path)
    loaded = folder.load(tmp_path, skip_bad=True)
    assert len(loaded.dataset) == 6
    assert [name for name, _ in loaded.skipped] == ["cat/cut.png", "dog/empty.jpg"]
    assert "1 file(s) not named as images were left out" in loaded.origin


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (["a.png", "b.png"], r"b.png lies in no folder of a class. CLASS/IMAGE or CLASS/PATIENT/IMAGE is needed"),
        (["cat/1.png", "cat/2.png"], "two or more classes are needed, only 'cat' is there"),
        (["cat/1.png", "cat/2.png", "dog/1.png"], "'dog' has 1 image; 2 are needed, to learn from and to be asked"),
        (["a/Ann/1.png", "a/Bo/1.png", "b/Cy/1.png", "b/Cy/2.png"], "'b' has 1 patient; 2 are needed"),
        (["a/1.png", "a/Ann/1.png", "b/1.png"], "both layouts, b/1.png and a/Ann/1.png"),
        (["a/Ann/day1/1.png", "b/Bo/day1/1.png"], "b/Bo/day1/1.png lies too deep"),
        (["a/notes.dcm.gz"], r"no image in it \(1 other files\)"),
    ],
)
def test_a_folder_of_another_layout_is_refused_in_words(tmp_path, names, wrong):
    for name in names:
        if name.endswith(".png"):
            write(tmp_path, [name])
        else:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=wrong):
        folder.load(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    write(tmp_path, ["x.png"])
    with pytest.raises(DataError, match="is not a folder of images: CLASS/IMAGE or"):
        folder.load(tmp_path / "x.png")


def test_progress_counts_images(tmp_path):
    seen = []
    folder.load(write(tmp_path, FLAT), progress=lambda *told: seen.append(told))
    assert seen[-1] == ("reading images", 6, None, "images")
    assert np.diff([done for _, done, _, _ in seen]).min(initial=1) > 0
