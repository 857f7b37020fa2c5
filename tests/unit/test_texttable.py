"""A table of one's own texts: every format in which it may come, and what is wrong with it said in words."""

import csv
import hashlib
import json
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.data import texttable
from layerscope.data.texttable import read_column
from layerscope.dataset import split
from layerscope.predictions import Predictions
from layerscope.source import DataError

ROWS = [
    (f"sentence {i} about a {'gene' if i % 2 else 'drug'}", "gd"[i % 2 == 0], f"author {i // 4}") for i in range(24)
]


def csv_of(rows=ROWS, header=("text", "label", "author"), mark=",") -> str:
    return "\n".join(mark.join(row) for row in [header, *rows]) + "\n"


def read(tmp_path, content, name="notes.csv", encoding="utf-8", **columns):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return texttable.read(path, **{"text": "text", "label": "label", **columns})


def test_texts_labels_groups_and_where_they_came_from(tmp_path):
    told = []
    table = read(tmp_path, csv_of(), group="author", progress=lambda *now: told.append(now))
    data = table.loaded.dataset
    assert data.inputs.strings.tolist() == [text for text, _, _ in ROWS]
    assert data.classes == ("d", "g")
    assert data.targets.tolist() == [0, 1] * 12
    assert [len(set(data.groups[i : i + 4])) for i in range(0, 24, 4)] == [1] * 6
    assert len(set(data.groups)) == 6
    assert data.ids.tolist()[:2] == ["line 2", "line 3"]
    assert data.source.group == "author (your column); the same text counts as one group too"
    digest = hashlib.sha256((tmp_path / "notes.csv").read_bytes()).hexdigest()
    assert table.loaded.origin == f"notes.csv (24 texts in 6 groups, sha256 {digest[:8]}…)"
    assert table.loaded.identity.startswith(digest)
    assert table.notes == ("2 class(es) have fewer than 30 texts, so their scores are uncertain: 'd' 12, 'g' 12.",)
    assert table.contradictory == ()
    assert told == [("reading texts", 24, 24, "texts")]
    assert set(split(data, {"train": 0.6, "val": 0.2, "test": 0.2}, 0)) == {"train", "val", "test"}


def test_other_columns_are_other_samples(tmp_path):
    a, b = read(tmp_path, csv_of()), read(tmp_path, csv_of(), group="author")
    assert a.loaded.identity != b.loaded.identity
    assert a.loaded.dataset.source.group.startswith("unknown: each text counts as its own group")
    assert len(set(a.loaded.dataset.groups)) == 24


def test_names_of_groups_are_the_same_numbers_in_another_table(tmp_path):
    a = read(tmp_path, csv_of(), group="author").loaded.dataset
    b = read(tmp_path, csv_of(ROWS[::-1]), "b.csv", group="author").loaded.dataset
    assert a.groups.tolist() == b.groups.tolist()[::-1]


JSON_LINES = "\n".join(json.dumps(dict(zip(("text", "label", "author"), row, strict=True))) for row in ROWS)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (csv_of(mark=","), "utf-8-sig"),
        (csv_of(mark=";"), "utf-16"),
        (csv_of(mark="\t"), "utf-8"),
        (csv_of(mark="\t").replace("\n", "\r\n"), "utf-16"),
        ("\n\n" + csv_of().replace("\n", "\r"), "utf-8"),
        (JSON_LINES, "utf-8"),
        ("\n" + JSON_LINES.replace("\n", "\r\n\r\n"), "utf-8-sig"),
    ],
)
def test_the_format_is_seen_in_the_content(tmp_path, content, encoding):
    data = read(tmp_path, content, "what.ever", encoding, group="author").loaded.dataset
    assert data.inputs.strings.tolist() == [text for text, _, _ in ROWS]
    assert data.targets.tolist() == [0, 1] * 12


def test_the_delimiter_is_the_one_that_finds_the_columns_asked_for(tmp_path):
    rows = [(text, label, "1,2,3,4") for text, label, _ in ROWS]
    data = read(tmp_path, csv_of(rows, ("text", "label", "a,b,c,d"), ";")).loaded.dataset
    assert data.inputs.strings[0] == ROWS[0][0]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), min_size=1))
def test_any_text_comes_back_as_it_was_written(tmp_path_factory, texts):
    texts = [f"{i}: {text}" for i, text in enumerate(texts)]
    rows = [(text, "ab"[i % 2]) for i, text in enumerate([*texts, *(f"filler {i}" for i in range(6 + len(texts) % 2))])]
    folder = tmp_path_factory.mktemp("any")
    for mark in ",\t":
        with (folder / "notes.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=mark, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
        data = texttable.read(folder / "notes.csv", text="text", label="label").loaded.dataset
        assert data.inputs.strings.tolist() == [text for text, _ in rows]
    lines = "\n".join(json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in rows)
    (folder / "notes.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    data = texttable.read(folder / "notes.jsonl", text="text", label="label").loaded.dataset
    assert data.inputs.strings.tolist() == [text for text, _ in rows]


def test_a_very_long_text_is_kept_whole_and_the_limit_of_csv_is_put_back(tmp_path):
    before, long = csv.field_size_limit(), "word " * 100_000
    content = csv_of([(long + str(i), label, author) for i, (_, label, author) in enumerate(ROWS)])
    work = [Thread(target=read, args=(tmp_path, content, f"{i}.csv")) for i in range(3)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert read(tmp_path, content).loaded.dataset.inputs.strings[7] == long + "7"
    with pytest.raises(DataError):
        read(tmp_path, content + '"open')
    assert csv.field_size_limit() == before


def test_the_same_text_is_one_group_across_given_groups(tmp_path):
    rows = [list(row) for row in ROWS]
    rows[4][0], rows[9][0] = "  One and THE same\u00a0text ", "one and the  same text"
    rows[8][0] = rows[15][0] = "another"
    table = read(tmp_path, csv_of(rows), group="author")
    groups = table.loaded.dataset.groups
    assert len(set(groups[4:16])) == 1, "author 1, 2 and 3 are joined by two texts"
    assert len(set(groups)) == 4
    assert table.loaded.dataset.inputs.strings[4] == "  One and THE same\u00a0text ", "as it was written"
    assert table.contradictory == ((4, 9), (8, 15))
    assert table.notes[1:] == (
        "2 of 24 texts repeat another one; the same text is never split apart.",
        "2 group(s) were joined to another, because they share a text.",
        "2 text(s) stand there with different labels and were kept: line 6 'd', line 11 'g'; line 10 'd', line 17 'g'.",
    )


def test_without_groups_the_same_text_is_one_all_the_same(tmp_path):
    rows = [*ROWS, ROWS[0], ROWS[5]]
    data = read(tmp_path, csv_of(rows)).loaded.dataset
    assert (data.groups[0], data.groups[5]) == (data.groups[24], data.groups[25])
    assert len(set(data.groups)) == 24


def test_labels_that_differ_in_capital_letters_are_noted(tmp_path):
    rows = [(text, label.upper() if i % 3 == 0 else label, author) for i, (text, label, author) in enumerate(ROWS)]
    notes = read(tmp_path, csv_of(rows)).notes
    assert notes[1].startswith("labels that differ in capital letters only") and "'D' and 'd', 'G' and 'g'" in notes[1]


def test_labels_in_json_may_be_numbers(tmp_path):
    lines = [json.dumps({"text": text, "label": label == "g", "n": [1]}) for text, label, _ in ROWS]
    assert read(tmp_path, "\n".join(lines)).loaded.dataset.classes == ("false", "true")


def test_ids_that_are_given(tmp_path):
    rows = [(*row, f"PMID{i}") for i, row in enumerate(ROWS)]
    data = read(tmp_path, csv_of(rows, ("text", "label", "author", "key")), id="key").loaded.dataset
    assert data.ids.tolist()[5] == "PMID5"


HEAD = "text,label\n"
REFUSED = {
    "": "there is no row; the columns are missing",
    HEAD: "there is no row; the columns are 'text', 'label'",
    "txet,Label\na,b\n": "there is no column 'text'; there are 'txet', 'Label'. Perhaps 'txet' is meant.",
    "1,2\n3,4\n": "there is no column 'text'; there are '1', '2'. The first line must name the columns.",
    "text,label,text\na,b,c\n": "two columns are called 'text'. Rename one.",
    HEAD + "a,x\nb,c,y\n": "line 3: 3 cells under 2 columns. Put double quotes around texts that hold ','",
    HEAD + 'a,x\n"b,y\n': "line 3: unexpected end of data. Check the double quotes here and above",
    HEAD + '"so" they say,x\n': "line 2: ',' expected after '\"'. Check the double quotes",
    HEAD + "a,x\n,y\n  ,y\nb,\n": r"2 of 4 cells of column 'text' are empty \(line 3, 4\). Fill them, or take these",
    HEAD + "a,x\nb,\n" * 7: r"7 of 14 cells of column 'label' are empty \(line 3, 5, 7, 9, 11, ...\)",
    HEAD + "a,x\nb,x\n": "every text has the label 'x'. Two are needed: look into column 'label'.",
    HEAD + "a,x\nb,x\nB,x\nc,y\nd,y\ne,y\n": "1 of 2 classes have fewer than 3 groups: 'x' has 2. Add texts",
    HEAD + "a,x\nb,y\x07\n": r"line 3: 'y\\x07' in column 'label' holds '\\x07', which cannot be printed",
    '[\n {"text": "a", "label": "x"}]': "it is one JSON array. Write one object a line",
    '{"text": "a", "label": "x"}\n{"text": ': "line 2: Expecting value.* Write one whole JSON object a line.",
    '{"text": "a", "label": "x"}\n\n7': "line 3: '7' is not a JSON object",
    '{"text": "a", "label": ["x", "y"]}': r"line 1: 'label' is \[\"x\", \"y\"\]. One text, or one number, is needed.",
    '{"text": "a", "label": "x"}\n{"text": "b"}': r"1 of 2 cells of column 'label' are empty \(line 2\)",
    '{"text": null, "label": "x"}': "1 of 1 cells of column 'text' are empty",
    '{"text": "a \\ud800", "label": "x"}': "column 'text' holds '.ud800', which cannot be printed",
    '{"txt": "a", "label": "x"}': "there is no column 'text'; there are 'txt', 'label'. Perhaps 'txt' is meant.",
}


@pytest.mark.parametrize("content", REFUSED)
def test_what_is_wrong_is_said(tmp_path, content):
    with pytest.raises(DataError, match=REFUSED[content]):
        read(tmp_path, content)


BYTES = {
    (HEAD + "a,x\nM\u00fcller,y\n").encode("latin-1"): r"line 3: byte 16 \(0xfc\) is not UTF-8. Save it again as UTF-8",
    b"\xef\xbb\xbf" + (HEAD + "\u00fc,y\n").encode("latin-1"): r"line 2: byte 14 \(0xfc\) is not UTF-8",
    (HEAD + "a,x\n").encode("utf-16")[:-1]: r"line 2: byte 30 \(0x0a\) is not UTF-16",
    (HEAD + "a,x\n").encode("utf-16-le"): "line 1: a zero byte, as in UTF-16 without its mark or no text at all. Save",
}


@pytest.mark.parametrize("content", BYTES)
def test_bytes_that_are_not_text_are_named_with_the_way_out(tmp_path, content):
    with pytest.raises(DataError, match=BYTES[content]):
        read(tmp_path, content)


def test_columns_that_cannot_serve(tmp_path):
    with pytest.raises(DataError, match="are columns of their own. Got text, text. Name another"):
        read(tmp_path, csv_of(), label="text")
    with pytest.raises(DataError, match="line 3: id 'author 0' is there twice. Repair the id, or leave id out."):
        read(tmp_path, csv_of(), id="author")
    with pytest.raises(DataError, match="24 of 24 classes have fewer than 3 groups: 'sentence 0 about a drug' has 1, "):
        read(tmp_path, csv_of(), text="label", label="text")
    with pytest.raises(DataError, match=r"missing.csv cannot be read: No such file"):
        texttable.read(tmp_path / "missing.csv", text="text", label="label")


def test_numbers_and_gaps_of_json_are_read_as_a_csv_would_be(tmp_path):
    rows = [
        f'{{"text": "sentence {i} about a drug", "label": {label}}}' for i, label in enumerate(["1", "1.0", "0"] * 4)
    ]
    assert read(tmp_path, "\n".join(rows), "notes.jsonl").loaded.dataset.classes == ("0", "1")
    with pytest.raises(DataError, match="1 of 13 cells of column 'label' are empty"):
        read(tmp_path, "\n".join([*rows, '{"text": "one more", "label": NaN}']), "notes.jsonl")


def test_what_stands_for_nothing_is_pointed_at(tmp_path):
    rows = "".join(f"sentence {i},{label}\n" for i, label in enumerate(["NA", "yes", "no"] * 40))
    assert "'NA' was taken for a class" in " ".join(read(tmp_path, "text,label\n" + rows).notes)


def test_a_measurement_is_no_label(tmp_path):
    rows = "".join(f"sentence {i},{i / 7:.2f}\n" for i in range(60))
    with pytest.raises(DataError, match="the 60 labels are 60 different numbers, which looks like a measurement"):
        read(tmp_path, "text,label\n" + rows)


def test_the_owner_finds_the_names_of_groups_again(tmp_path):
    rows = "".join(f"sentence {i},{'yes' if i % 2 else 'no'},P{i // 2}\n" for i in range(20))
    loaded = read(tmp_path, "text,label,patient\n" + rows, group="patient").loaded
    data = loaded.dataset
    found = Predictions(np.eye(2)[data.targets.numpy()], data.targets.numpy(), data.groups, data.ids, data.classes)
    found.to_csv(tmp_path / "p.csv", loaded.group_names)
    groups = [line.split(",")[1] for line in (tmp_path / "p.csv").read_text().splitlines()[1:]]
    assert groups == [f"P{i // 2}" for i in range(20)]
    again = Predictions.from_csv(tmp_path / "p.csv")
    assert len(np.unique(again.groups)) == len({*zip(again.groups.tolist(), data.groups.tolist(), strict=True)}) == 10


def test_a_column_of_texts_is_read_without_labels(tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("note,other\nfirst,1\n\nsecond,2\n")
    assert read_column(file, "note") == (["first", "second"], [2, 4])
    with pytest.raises(DataError, match="there is no column 'text'"):
        read_column(file, "text")
