"""The atlas's page as text: size, no address from outside, names that would be markup."""

import re

from atlas_facts import invented

from layerscope.maps.page import page


def test_no_address_from_outside_and_no_hostile_markup():
    text = page(*invented(texts=True), None)
    assert set(re.findall(r"https?://[^\"'\s]*", text)) == {"http://www.w3.org/2000/svg"}
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert text.count("<script") == text.count("</script>") == 4


def test_the_largest_is_under_15_megabytes_without_pictures():
    assert len(page(*invented(5000, 12, 6, 1), None)) < 15e6
