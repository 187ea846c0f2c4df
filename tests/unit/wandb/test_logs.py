import pytest

from regista.wandb.logs import LogLine, parse_line

TIME = "2026-11-25T14:59:58.295941+00:00"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("2026-11-25T14:59:58.295941 hello world", LogLine(7, TIME, "", "", "hello world")),
        ("ERROR 2026-11-25T14:59:58.295941 Traceback", LogLine(7, TIME, "error", "", "Traceback")),
        ("2026-11-25T14:59:58.295941 ", LogLine(7, TIME, "", "", "")),
        ("2026-11-25T14:59:58 [1/5] step", LogLine(7, "2026-11-25T14:59:58.000000+00:00", "", "", "[1/5] step")),
        ('{"ts":"2026-11-25T14:59:58.295941","content":"a","level":"error"}', LogLine(7, TIME, "error", "", "a")),
        ('{"ts":"2026-11-25T14:59:58.295941","content":"a","label":"w"}', LogLine(7, TIME, "", "w", "a")),
        ('{"loss": 1}', LogLine(7, None, "", "", '{"loss": 1}')),
        ("{broken", LogLine(7, None, "", "", "{broken")),
        ("no time at all", LogLine(7, None, "", "", "no time at all")),
        ("2026-99-25T14:59:58.295941 x", LogLine(7, None, "", "", "x")),
        ("", LogLine(7, None, "", "", "")),
    ],
)
def test_a_line_of_output_is_told_from_its_time_and_its_stream(text: str, line: LogLine) -> None:
    assert parse_line(7, text) == line
