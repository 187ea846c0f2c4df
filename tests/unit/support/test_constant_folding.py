from pathlib import Path
from textwrap import dedent

from tests.support.constant_folding import texts


def found(directory: Path, source: str, **others: str) -> set[str]:
    package = directory / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, text in others.items():
        (package / f"{name}.py").write_text(text)
    module = package / "module.py"
    module.write_text(dedent(source))
    return set(texts(package, module))


def test_names_formats_and_imports_are_put_in_place(tmp_path: Path) -> None:
    source = """
        from package.parts import PART
        WHOLE = "a " + PART
        class Reader:
            QUERY = gql("{{ {} }}".format(PART))
            def read(self):
                return self.execute(f"read {WHOLE} and {self.QUERY}")
    """
    assert found(tmp_path, source, parts='PART = "part"') >= {"a part", "{ part }", "read a part and { part }"}


def test_what_stands_under_a_condition_is_found_with_it_and_without(tmp_path: Path) -> None:
    source = """
        def read(flag):
            names = ["a"]
            text = "head"
            if flag:
                names.append("b")
                names += ["c"]
                text += " tail"
            send(text)
            send(", ".join(names))
            send("yes" if flag else "no")
    """
    assert found(tmp_path, source) == {"head tail", "head", "a, b, c", "a", "b", "yes", "no"}


def test_a_text_that_is_replaced_piece_by_piece_is_found_as_it_leaves(tmp_path: Path) -> None:
    source = """
        def make():
            template = "begin MIDDLE end"
            template = template.replace("MIDDLE", "middle")
            return template
    """
    assert found(tmp_path, source) >= {"begin middle end"}
    assert "begin MIDDLE end" not in texts(tmp_path / "package", tmp_path / "package" / "module.py")


def test_parameters_have_the_values_of_the_modules_own_calls(tmp_path: Path) -> None:
    source = """
        ONE = "one"
        def _send(self, what, how):
            post(f"{what} {how}")
        def all(self):
            self._send(ONE, how="fast")
            self._send("two", "slowly")
    """
    assert found(tmp_path, source) >= {"one fast", "two slowly"}


def test_what_cannot_be_known_is_marked(tmp_path: Path) -> None:
    assert found(tmp_path, 'def read(name):\n    return f"query {name.title()}"') == {"query ⟦name.title()⟧"}
