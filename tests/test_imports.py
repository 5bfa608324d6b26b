"""What is imported, what may be called, and who may write: the source itself is looked at."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import seqkit

ROOT = Path(seqkit.__file__).parents[1]
FILES = sorted([*ROOT.glob("seqkit/**/*.py"), *ROOT.glob("plugins/**/*.py")])
HEAVY = (
    "torch",
    "spacy",
    "datasets",
    "numpy",
    "safetensors",
    "pyarrow",
    "transformers",
    "matplotlib",
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

REPORT = """
import json, sys
try:
    {code}
except SystemExit as ended:
    assert not ended.code, ended.code
finally:
    print(json.dumps(sorted(name for name in sys.modules if "." not in name)), file=sys.stderr)
"""
COMMAND = "sys.argv[1:] = {words}; from seqkit.cli import main; main()"


def imported(code: str) -> tuple[set[str], str]:
    """The packages that code imports, in a process of its own, and what it prints."""
    quiet = ("SEQKIT_CHECK_SHAPES", "SEQKIT_STRICT_PLUGINS", "SEQKIT_DEBUG")
    ended = subprocess.run(
        [sys.executable, "-c", REPORT.format(code=code)],
        env={name: value for name, value in os.environ.items() if name not in quiet},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stderr.splitlines()[-1])), ended.stdout


def test_importing_seqkit_imports_nothing_heavy() -> None:
    found, _ = imported("import seqkit")
    assert "seqkit" in found
    assert found.isdisjoint((*HEAVY, "pydantic", "rich", "yaml", "click", "pluggy", "babel"))


@pytest.mark.parametrize(
    ("words", "unwanted", "said"),
    [
        ("--help", ("pydantic", "rich", "yaml", "pluggy", "babel"), "Usage: "),
        ("run --help", ("pydantic", "rich", "yaml", "pluggy", "babel"), "--precision"),
        ("compare --help", ("pydantic", "rich", "yaml", "pluggy", "babel"), "--swap"),
        ("diff --help", ("pydantic", "rich", "yaml", "pluggy", "babel"), "--split"),
        ("report --help", ("pydantic", "rich", "yaml", "pluggy", "babel"), "--out"),
        ("plugins", ("pydantic", "rich", "yaml", "babel"), "recurrent"),
        ("plugins --json", ("pydantic", "rich", "yaml", "babel"), '"distribution": "seqkit"'),
        (f"check {ROOT / 'recipes' / 'quickstart.yaml'}", ("rich",), "in order"),
        ("explain encode.bilstm", ("rich", "babel"), "Graves & Schmidhuber 2005"),
        ("schema", ("rich", "babel"), "bilstm"),
    ],
)
def test_a_command_that_computes_nothing_imports_nothing_heavy(
    words: str, unwanted: tuple[str, ...], said: str
) -> None:
    found, printed = imported(COMMAND.format(words=words.split()))
    assert said in printed
    assert found.isdisjoint((*HEAVY, *unwanted))


def test_python_m_seqkit_is_as_light() -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "seqkit", "--help"],
        env={name: os.environ[name] for name in os.environ if name != "SEQKIT_CHECK_SHAPES"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "seqkit.cli" in found
    assert found.isdisjoint((*HEAVY, "pydantic", "rich", "yaml", "pluggy"))
    assert ended.stdout.startswith("Usage: ")


@pytest.mark.parametrize("module", sorted(PROJECT["project"]["entry-points"]["seqkit"].values()))
def test_the_entry_module_of_a_plugin_is_light(module: str) -> None:
    folder, seen, todo = ROOT / "plugins" / module, set[str](), [module]
    while todo:  # the modules of its own that it imports on the way
        seen.add(name := todo.pop())
        place = "__init__" if name == module else name.removeprefix(f"{module}.")
        found = imported_at_once(folder / f"{place}.py")
        todo += [one for one in found if one.startswith(f"{module}.") and one not in seen]
        names = {one.partition(".")[0] for one in found} - {module}
        assert names <= {"seqkit", "annotated_types", *sys.stdlib_module_names}, name


def imported_at_once(path: Path) -> set[str]:
    """The modules that a module imports when it is imported itself."""
    tree = ast.parse(path.read_text())
    tops = {name for name in ast.walk(tree) if isinstance(name, ast.Import | ast.ImportFrom)}
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
    }
    return {packages(node)[0] for node in tops - inside}


def packages(node: ast.Import | ast.ImportFrom) -> list[str]:
    """What a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names]


def test_all_is_sorted_complete_and_every_name_is_there() -> None:
    assert seqkit.__all__ == sorted(seqkit.__all__) == dir(seqkit)
    for name in seqkit.__all__:
        assert getattr(seqkit, name) is not None
    tree = ast.parse(Path(seqkit.__file__).read_text())
    typed = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert typed == seqkit._HOMES
    assert set(seqkit.__all__) == {*typed, "__version__"}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'seqkit' has no attribute 'trian'"):
        seqkit.trian  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'trian' from 'seqkit'"):
        exec("from seqkit import trian")


FOR_SPACY = "seqkit_spacy_entry"
"""What spaCy's own entry points name, which imports a plugin and is none."""


def test_every_plugin_folder_is_an_entry_point_and_packaged_and_the_reverse() -> None:
    folders = {path.parent.name for path in ROOT.glob("plugins/*/__init__.py")}
    points = PROJECT["project"]["entry-points"]["seqkit"]
    assert folders == {*points.values(), FOR_SPACY}
    assert all(module == f"seqkit_{name}" for name, module in points.items())
    packaged = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert packaged == ["seqkit", *(f"plugins/{folder}" for folder in sorted(folders))]
    assert list(points) == sorted(points)
    linted = PROJECT["tool"]["importlinter"]
    folders -= {FOR_SPACY}
    assert linted["root_packages"] == ["seqkit", *sorted(folders)]
    for contract in linted["contracts"]:
        if contract["type"] != "layers":
            listed = contract.get("forbidden_modules", contract.get("modules"))
            assert listed == sorted(folders)


def test_every_plugin_folder_is_typed() -> None:
    for folder in [ROOT / "seqkit", *(path.parent for path in ROOT.glob("plugins/*/__init__.py"))]:
        assert (folder / "py.typed").exists()


def test_every_module_of_the_engine_has_its_place_in_the_order_of_imports() -> None:
    (layers,) = [c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    listed = [name for layer in layers["layers"] for name in layer.split(" | ")]
    made = {path.stem for path in ROOT.glob("seqkit/*.py")} - {"__init__"} | {"testing"}
    assert sorted(listed) == sorted(f"seqkit.{name}" for name in made)


CALLS = {
    str(path.relative_to(ROOT)): [
        (ast.unparse(node.func), node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]
    for path in FILES
}
"""Every call in the source, by file: what is called, and the call."""
OPENERS = ("open", "io.open", "gzip.open", "bz2.open", "lzma.open", "codecs.open", "archive.open")
WRITERS = {
    *("write_text", "write_bytes", "touch", "rename", "renames", "mkdir", "makedirs", "symlink"),
    *("symlink_to", "hardlink_to", "link", "truncate", "save_file", "savez", "savez_compressed"),
    *("copyfile", "copy2", "copytree", "move", "tofile", "make_archive", "mkstemp", "mkdtemp"),
}
REMOVERS = {"rmtree", "unlink", "rmdir", "removedirs"}
ALLOWED = {
    "seqkit/cli.py": {"os.open(os.devnull, os.O_WRONLY)"},  # where a closed pipe is led to
    "seqkit/guards.py": {
        "open(folder / '.lock', 'wb')",
        "folder.mkdir(parents=True, exist_ok=True)",
    },
}
"""The exceptions: what writes, and is not the storage. The lock of a run holds nothing."""


def opens_to_write(name: str, call: ast.Call) -> bool:
    """Whether a call of `open` may write; a mode that is no plain text may."""
    given = call.args[1:] if name in OPENERS else call.args
    modes = [*given[:1], *(word.value for word in call.keywords if word.arg == "mode")]
    texts = [mode.value if isinstance(mode, ast.Constant) else "w" for mode in modes]
    return name == "os.open" or any(set("wax+") & set(str(text)) for text in texts)


def writes(name: str, call: ast.Call) -> bool:
    """Whether a call may write to a disk."""
    owner, _, last = name.rpartition(".")
    if last == "open":
        return opens_to_write(name, call)
    if last == "replace":  # of a path; texts take two, dataclasses have no owner
        return owner == "os" or bool(owner and len(call.args) == 1 and not call.keywords)
    return last in WRITERS or name in ("np.save", "numpy.save", "os.write", "shutil.copy")


def test_storage_is_the_only_writer() -> None:
    found: dict[str, set[str]] = {}
    for place, calls in CALLS.items():
        for name, call in calls:
            if writes(name, call):
                found.setdefault(place, set()).add(ast.unparse(call))
    assert len(found.pop("seqkit/storage.py")) >= 4
    assert found == ALLOWED


def test_few_modules_remove_anything() -> None:
    removing = {
        place
        for place, calls in CALLS.items()
        if REMOVERS & {name.rpartition(".")[2] for name, _ in calls}
    }
    own = {f"seqkit/{name}.py" for name in ("storage", "table", "checkpoints", "runs")}
    assert removing <= own


STARTERS = {"seqkit/processes.py": {"subprocess"}}
"""The exceptions: what starts a process, which is seqkit itself."""
UNSAFE = {
    *("pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"),
    *("code", "runpy", "subprocess", "socket", "urllib", "http", "requests", "ctypes"),
}
"""Packages that run what they read, or that ask the network."""
FORBIDDEN = {
    *("eval", "exec", "compile", "__import__", "torch.load", "torch.save", "torch.hub.load"),
    *("np.load", "numpy.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system"),
    *("os.popen", "os.execv", "pkgutil.resolve_name", "torch.ops.load_library"),
}
FLAGS = {"weights_only", "allow_pickle", "trust_remote_code"}


def test_nothing_that_is_read_is_run() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found = UNSAFE & {name.partition(".")[0] for name in packages(node)}
                assert found <= STARTERS.get(str(path.relative_to(ROOT)), set()), path
    for place, calls in CALLS.items():
        assert not FORBIDDEN & {name for name, _ in calls}, place
        assert not FLAGS & {word.arg for _, call in calls for word in call.keywords}, place


def test_only_the_names_of_seqkit_itself_are_imported_by_name() -> None:
    importers = {
        place for place, calls in CALLS.items() if any("import_module" in name for name, _ in calls)
    }
    assert importers == {"seqkit/__init__.py"}


def test_the_source_that_is_looked_at_is_all_of_it() -> None:
    assert {"seqkit/storage.py", "seqkit/testing/vectors.py"} <= set(CALLS)
    assert {"plugins/seqkit_recurrent/stack.py", "plugins/seqkit_labels/chain.py"} <= set(CALLS)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('open(x, "w")', True),
        ('open(x, mode="ab")', True),
        ('path.open("r+")', True),
        ('gzip.open(x, "xt")', True),
        ('open(x, "rb")', False),
        ("open(x)", False),
        ("open(x, mode)", True),
        ("path.open(mode)", True),
        ('path.open("rb")', False),
        ('open("a", encoding="utf-8")', False),
        ("os.open(x, os.O_WRONLY)", True),
        ("path.write_text(x)", True),
        ("os.replace(a, b)", True),
        ("path.replace(other)", True),
        ('text.replace("a", "b")', False),
        ("replace(example, gold=None)", False),
        ("np.save(a, b)", True),
        ("folder.mkdir()", True),
    ],
)
def test_a_writer_is_known_when_it_is_seen(line: str, expected: bool) -> None:
    call: Any = ast.parse(line, mode="eval").body
    assert writes(ast.unparse(call.func), call) is expected
