"""How tables are written: found by itself, or said; bounded, and never unpickled."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile

import numpy as np
import pytest

import agnostic_nn as ann
from agnostic_nn.tabular import Preparation, read_parts, read_table
from agnostic_nn.tabular.sources import in_bytes

pd = pytest.importorskip("pandas")

ROWS = [["a", "b c"], ["1", "x, y"], ["2", 'say "hi"'], ["3", "ü"]]


def text_of(rows, separator=",", end="\n"):
    def quoted(field):
        if any(each in field for each in (separator, '"', "\n")):
            return '"' + field.replace('"', '""') + '"'
        return field

    return "".join(separator.join(map(quoted, row)) + end for row in rows)


def write(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def rows_of(table):
    return [list(table.frame.columns), *table.frame.to_numpy().tolist()]


# What is found


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_are_found(tmp_path, separator, end):
    path = write(tmp_path / "a.csv", text_of(ROWS, separator, end))
    assert rows_of(read_table(path)) == ROWS


def test_a_separator_is_not_what_stands_in_texts(tmp_path):
    rows = [["a", "text"], ["1", "one, two"], ["2", "three, four"], ["3", "5, 6"]]
    assert rows_of(read_table(write(tmp_path / "a.csv", text_of(rows, ";")))) == rows
    rows = [["x", "y"], ["1,5", "2,5"], ["3,5", "4,5"]]
    assert rows_of(read_table(write(tmp_path / "b.csv", text_of(rows, ";")))) == rows


def test_one_column_has_no_separator(tmp_path):
    rows = [["x"], ["1"], ["2"]]
    assert rows_of(read_table(write(tmp_path / "a.csv", text_of(rows)))) == rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_found(tmp_path, encoding):
    table = read_table(write(tmp_path / "a.csv", text_of(ROWS), encoding))
    assert rows_of(table) == ROWS
    assert bool(table.notes) == (encoding in ("utf-16", "cp1252"))


def test_an_encoding_is_found_wherever_it_shows(tmp_path):
    """The first letter that is no UTF-8 stands far behind what is looked at first."""
    rows = [["a", "b"], *([str(i), "plain"] for i in range(30_000)), ["1", "ü"]]
    table = read_table(write(tmp_path / "a.csv", text_of(rows), "cp1252"))
    assert table.frame["b"].iloc[-1] == "ü"
    assert "a guess" in table.notes[0]


def test_an_encoding_that_is_none_and_one_that_is_said(tmp_path):
    path = write(tmp_path / "a.csv", text_of([*ROWS[:2], ["2", "日本語"]]), "shift_jis")
    with pytest.raises(ann.InvalidArgument, match="neither in UTF-8 nor in cp1252: say its enc"):
        read_table(write(tmp_path / "b.csv", b"a,b\n1,\x81\n"))
    table = read_table(path, encoding="shift_jis")
    assert table.frame["b c"].iloc[-1] == "日本語"
    with pytest.raises(ann.InvalidArgument, match="not in utf-8: wanted the encoding"):
        read_table(write(tmp_path / "c.csv", "a\nü\n", "cp1252"), encoding="utf-8")


def test_quotes_lines_in_fields_and_single_quotes(tmp_path):
    rows = [["a", "b"], ["1", "two\nlines"], ["2", ""]]
    assert rows_of(read_table(write(tmp_path / "a.csv", text_of(rows)))) == rows
    single = "a,b\n'x, y',1\n'z, w',2\n'u, v',3\n"
    table = read_table(write(tmp_path / "b.csv", single))
    assert table.frame["a"].tolist() == ["x, y", "z, w", "u, v"]


@pytest.mark.parametrize(
    ("rows", "separator", "decimal"),
    [
        ([["x"], ["39,1"]], ";", ","),
        ([["x", "y"], ["1,234", "a"]], ";", ","),
        ([["x", "y"], ["1.5", "a"]], ";", "."),
        ([["x", "y"], ["39,1", "a"]], "\t", ","),
        ([["x", "y"], ["1,234", "a"]], "\t", None),
        ([["x", "y"], ["39,1", "a"]], ",", ","),
        ([["x", "y"], ["1", "a"]], ",", None),
    ],
)
def test_decimal_signs_are_found(tmp_path, rows, separator, decimal):
    path = write(tmp_path / "a.csv", text_of(rows, separator))
    assert read_table(path, separator=separator).decimal == decimal
    assert read_table(path, separator=separator, decimal=",").decimal == ","


def test_a_decimal_sign_that_a_file_shows_holds_for_columns_that_do_not(tmp_path):
    rows = [["x", "y", "z"], ["39,1", "1,234", "a"], ["40,2", "5,678", "b"]]
    table = read_table(write(tmp_path / "a.csv", text_of(rows, ";")))
    preparation = Preparation.fit(table.frame, decimal=table.decimal)
    np.testing.assert_allclose(preparation.blocks(table.frame).numeric[:, 1], [1.234, 5.678])


def test_names_of_columns(tmp_path):
    table = read_table(write(tmp_path / "a.csv", " a ,,b\n1,2,3\n"))
    assert list(table.frame.columns) == ["a", "Unnamed: 1", "b"]
    table = read_table(write(tmp_path / "b.csv", "a,b\nr1,1,2\nr2,3,4\n"))  # as R writes
    assert rows_of(table) == [["Unnamed: 0", "a", "b"], ["r1", "1", "2"], ["r2", "3", "4"]]
    table = read_table(write(tmp_path / "c.csv", "a,b\n1,2,\n3,4,\n"))  # as machines write
    assert rows_of(table)[1] == ["1", "2", ""]
    table = read_table(write(tmp_path / "d.csv", "1.5,2\n3,4\n"))
    assert "the first line, 1.5, 2, ..., is taken for the columns' names." in table.notes


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_two_columns_of_one_name(tmp_path, ending):
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    path = tmp_path / f"x.{ending}"
    if ending == "xlsx":
        pytest.importorskip("openpyxl")
        frame.to_excel(path, index=False)
    else:
        frame.to_csv(path, index=False)
    with pytest.raises(ann.InvalidArgument, match="has the column 'a' more than once"):
        read_table(path)


def test_lines_that_do_not_fit(tmp_path):
    path = write(tmp_path / "a.csv", "a,b\n1,2\n3,4,5\n")
    with pytest.raises(ann.InvalidArgument, match="line 3 has 3 fields: wanted 2, with ','"):
        read_table(path)
    table = read_table(write(tmp_path / "b.csv", "a,b\n1,2\n3\n"))
    assert pd.isna(table.frame["b"].iloc[1]) or table.frame["b"].iloc[1] == ""


@pytest.mark.parametrize("line", ["sep=;\r\n", "\ufeffSEP=;\n", '"sep=;"\n'])
@pytest.mark.parametrize("said", [None, ";"])
def test_the_line_that_excel_puts_first(tmp_path, line, said):
    """It says what stands between the columns, and is none of the names."""
    content = f"{line}a;b\n1,5;x, y\n2,5;z\n".encode()
    table = read_table(write(tmp_path / "a.csv", content), separator=said)
    assert list(table.frame.columns) == ["a", "b"]
    assert table.frame["b"].tolist() == ["x, y", "z"]
    assert table.decimal == ","
    path = write(tmp_path / "b.csv", f"{line}a;b\n1;2\n1;2;3\n".encode())
    with pytest.raises(ann.InvalidArgument, match="line 4 has 3 fields: wanted 2, with ';'"):
        read_table(path)


@pytest.mark.parametrize(
    ("names", "values"),
    [("1.5,red,2", True), ("1,2,3", True), ("2019,red,2", False), ("a,b,c", False)],
)
def test_a_file_without_names_is_told_of(tmp_path, names, values):
    notes = read_table(write(tmp_path / "a.csv", f"{names}\n3.5,blue,7\n")).notes
    assert any("is taken for the columns' names" in note for note in notes) == values


@pytest.mark.parametrize("content", ["\n\n", "sep=;\n"])
def test_files_without_a_line_of_names(tmp_path, content):
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(ann.InvalidArgument, match=r"a.csv': wanted a line of names, and rows bel"):
        read_table([path])


def test_files_without_rows(tmp_path):
    paths = [write(tmp_path / name, "a,b\n") for name in ("a.csv", "b.csv")]
    for given, called in ((paths, f"{paths[0]}, {paths[1]}"), (paths[0], str(paths[0]))):
        with pytest.raises(ann.InvalidArgument) as caught:
            read_table(given)
        assert str(caught.value) == f"data={called!r} has no rows: wanted at least one example."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_of_names_longer_than_what_is_looked_at(tmp_path, encoding):
    names = [f"é{i:06}" for i in range(20_000)]
    rows = [";".join(str(i + row) for i in range(20_000)) for row in range(5)]
    path = write(tmp_path / "a.csv", "\n".join([";".join(names), *rows]).encode(encoding))
    frame = read_table(path).frame
    assert frame.columns.tolist() == names
    assert frame["é019999"].tolist() == [str(19_999 + row) for row in range(5)]


# What may be in it


@pytest.mark.parametrize(
    ("ending", "pack"),
    [("csv.gz", gzip.compress), ("csv.bz2", bz2.compress), ("csv.xz", lzma.compress),
     ("csv", gzip.compress)],
)  # fmt: skip
def test_packed_files(tmp_path, ending, pack):
    path = write(tmp_path / f"shop.{ending}", pack(text_of(ROWS).encode()))
    table = read_table(path)
    assert rows_of(table) == ROWS
    assert table.name == "shop"


def test_files_packed_by_zstd(tmp_path):
    pa = pytest.importorskip("pyarrow")
    with pa.output_stream(tmp_path / "shop.csv.zst", compression="zstd") as stream:
        stream.write(text_of(ROWS).encode())
    table = read_table(tmp_path / "shop.csv.zst")
    assert rows_of(table) == ROWS
    assert table.name == "shop"


def test_zip_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "w") as archive:
        archive.writestr("a.csv", text_of(ROWS))
    assert rows_of(read_table(tmp_path / "a.csv.zip")) == ROWS
    with zipfile.ZipFile(tmp_path / "a.csv.zip", "a") as archive:
        archive.writestr("b.csv", text_of(ROWS))
    with pytest.raises(ann.InvalidArgument, match="holds 2 files: wanted one"):
        read_table(tmp_path / "a.csv.zip")


@pytest.mark.parametrize("ending", ["jsonl", "json", "feather", "arrow", "xlsx", "parquet", "tsv"])
def test_all_kinds_of_files_give_one_preparation(tmp_path, ending):
    frame = pd.DataFrame(
        {
            "n": [1.5, 2.5, None, 4.0], "zip": ["01234", "98765", "01234", "11111"],
            "b": [True, False, True, True], "c": ["x", None, "y", "x"],
        }
    )  # fmt: skip
    path = tmp_path / f"a.{ending}"
    if ending == "xlsx":
        pytest.importorskip("openpyxl")
    {
        "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        "json": lambda: frame.to_json(path, orient="records"),
        "feather": lambda: frame.to_feather(path),
        "arrow": lambda: frame.to_feather(path),
        "xlsx": lambda: frame.to_excel(path, index=False),
        "parquet": lambda: frame.to_parquet(path),
        "tsv": lambda: frame.to_csv(path, sep="\t", index=False),
    }[ending]()
    expected = Preparation.fit(frame)
    found = Preparation.fit(read_table(path).frame)
    assert [c.name for c in found.columns] == [c.name for c in expected.columns]
    np.testing.assert_array_equal(found.features(read_table(path).frame), expected.features(frame))


def test_json_that_is_no_table(tmp_path):
    for name, content in (("a.json", '{"a": 1}'), ("b.json", "[1, 2]"), ("c.jsonl", "1\n")):
        with pytest.raises(ann.InvalidArgument, match="something else than records: wanted an ob"):
            read_table(write(tmp_path / name, content))
    with pytest.raises(ann.InvalidArgument, match="cannot be read as jsonl"):
        read_table(write(tmp_path / "d.jsonl", '{"a": 1}\n{'))


def test_several_files_and_folders(tmp_path):
    (tmp_path / "in").mkdir()
    for i in range(3):
        write(tmp_path / "in" / f"{i}.csv", f"a,b\n{i},x\n" if i != 1 else "b,a\nx,1\n")
    (tmp_path / "in" / "readme.md").write_text("not a table")
    table = read_table(tmp_path / "in")
    assert table.frame["a"].tolist() == ["0", "1", "2"]
    assert (table.name, table.notes) == ("in", ("3 files are read as one table.",))
    table = read_table([tmp_path / "in" / "2.csv", tmp_path / "in" / "0.csv"])
    assert table.frame["a"].tolist() == ["2", "0"]
    write(tmp_path / "in" / "3.csv", "a\n1\n")
    with pytest.raises(ann.InvalidArgument, match="does not have the column 'b', other than"):
        read_table(tmp_path / "in")
    with pytest.raises(ann.InvalidArgument, match=r"data=\[\] names no file"):
        read_table([])


def test_standard_input(monkeypatch):
    stdin = type("Stdin", (), {"buffer": io.BytesIO(gzip.compress(text_of(ROWS).encode()))})
    monkeypatch.setattr(sys, "stdin", stdin)
    table = read_table("-")
    assert rows_of(table) == ROWS
    assert table.name == "stdin"


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather", "jsonl"])
def test_parts_are_the_table(tmp_path, ending):
    frame = pd.DataFrame({"a": [str(i) for i in range(10)], "b": ["x", "y"] * 5})
    path = tmp_path / f"a.{ending}"
    {"csv": lambda: frame.to_csv(path, index=False), "parquet": lambda: frame.to_parquet(path),
     "feather": lambda: frame.to_feather(path, chunksize=4),
     "jsonl": lambda: frame.to_json(path, orient="records", lines=True)}[ending]()  # fmt: skip
    parts = [part.frame for part in read_parts(path, rows=4)]
    assert [len(part) for part in parts] == [4, 4, 2]
    assert not any(isinstance(part["b"].dtype, pd.CategoricalDtype) for part in parts)
    whole = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(whole, frame, check_dtype=False)


# What it may take


def bombs(folder):
    """Small files that would take tens of megabytes."""
    big = b"a,b\n" + b"1," + b"0" * 20_000_000 + b"\n"
    yield write(folder / "line.csv.gz", gzip.compress(big, 1))
    yield write(folder / "rows.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000, 1))
    with zipfile.ZipFile(folder / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in ("X", "y"):
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array_header_1_0(
                    file, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 4)}
                )
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 4)}
    )
    yield write(folder / "a.npy", b"\x93NUMPY\x01\x00" + header.getvalue()[8:] + b"\0" * 8)
    yield folder / "a.npz"
    pd.DataFrame({"a": ["x" * 1000] * 20_000}).to_parquet(folder / "text.parquet")
    yield folder / "text.parquet"
    pd.DataFrame({"a": np.zeros(2_000_000)}).to_parquet(folder / "zeros.parquet")
    yield folder / "zeros.parquet"


def test_what_takes_more_than_it_may_is_refused(tmp_path):
    for path in bombs(tmp_path):
        assert path.stat().st_size < 200_000
        with pytest.raises(ann.InvalidArgument, match="of memory: wanted at most"):
            read_table(path, max_memory=5_000_000)


def test_what_takes_no_more_is_read(tmp_path):
    path = write(tmp_path / "a.csv", "a,b\n" + "1,2\n" * 1000)
    assert len(read_table(path, max_memory=200_000).frame) == 1000
    with pytest.raises(ann.InvalidArgument, match="takes more than 2 kB of memory: wanted at most"):
        read_table(path, max_memory=2000)
    assert in_bytes(2000) == "2 kB"


# What arrays may not be


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.asarray([[print]], dtype=object), "Python objects, which would have to be unpickled"),
        (np.ones((3, 2), dtype=complex), "it holds complex numbers: wanted numbers"),
        (np.ones(3, dtype=[("a", float), ("b", int)]), "it holds records of several values"),
        (np.ones((3, 2), dtype="V8"), "it holds records of several values"),
    ],
)
def test_arrays_that_hold_something_else(tmp_path, array, words):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ann.InvalidArgument, match=words) as caught:
        read_table(tmp_path / "a.npy")
    assert "\n" not in str(caught.value)
    np.savez(tmp_path / "a.npz", allow_pickle=True, X=np.ones((3, 2)), y=array)
    with pytest.raises(ann.InvalidArgument, match=words.replace("it holds", "'y.npy' holds")):
        read_table(tmp_path / "a.npz")


def test_members_that_are_no_arrays(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ann.InvalidArgument, match=r"its member 'readme.txt' is no array"):
        read_table(tmp_path / "a.npz")
