"""A page is written whole or not at all."""

import pytest
from dlplug_report.report import write


def test_a_page_that_cannot_be_written_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "report.html"
    write(path, "the first")
    with pytest.raises(UnicodeEncodeError):
        write(path, "the second, \ud800")
    assert path.read_text() == "the first"
    assert list(tmp_path.iterdir()) == [path]
