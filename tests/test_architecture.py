"""The rules that keep seido readable, checked on its syntax trees."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
BASE = ("errors", "timebase", "files", "values", "plan", "workers")
STAGES = ("corpus", "clips", "models", "training", "movie", "scores", "report", "phantom", "studio")
NETWORKS = ("models", "training")
NETWORK_IMPORTS = {"torch", "numpy", "safetensors"}
NETWORK_CLIPS = {"seido.clips", "seido.clips.store", "seido.clips.logmel", "seido.clips.picture"}
ENTRANCES = {"seido", "seido.cli"}
"""What users import or run: these packages may hold names."""
MOST_LINES = 400
CATCH_ALL = {"utils", "util", "helpers", "misc", "common"}
UNPICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@cache
def modules() -> dict[str, Path]:
    found = {}
    for path in sorted((SOURCE / "seido").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def layer(module: str) -> int:
    """Left is lower; the base is 0, and what is neither base nor stage (the command line) stands on top."""
    part = module.split(".")[1] if "." in module else ""
    if part in BASE:
        return 0
    return STAGES.index(part) + 1 if part in STAGES else len(STAGES) + 1


def imports(module: str, nodes: ast.AST | list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Name every module imported, with the line; `from package import module` names the module."""
    roots = nodes if isinstance(nodes, list) else [nodes]
    for node in (inner for root in roots for inner in ast.walk(root)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
            if node.level:
                package = module if modules()[module].name == "__init__.py" else module.rpartition(".")[0]
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                name = ".".join([*above, name] if name else above)
            for alias in node.names:
                inner = f"{name}.{alias.name}"
                yield node.lineno, inner if inner in modules() else name


def offences(rule: Callable[[str, ast.Module], Iterator[str]]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{said}" for name, path in modules().items() for said in rule(name, tree(path))]


def test_a_module_imports_only_from_its_left() -> None:
    def rule(module: str, syntax: ast.Module) -> Iterator[str]:
        for line, name in imports(module, syntax):
            if name.split(".")[0] == "seido" and layer(name) > layer(module):
                yield f"{line} imports {name} from its right"

    assert not offences(rule)


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    edges = {
        module: {name for _, name in imports(module, tree(path).body) if name in modules() and name != module}
        for module, path in modules().items()
    }
    while leaves := [module for module, needs in edges.items() if not needs & edges.keys()]:
        for module in leaves:
            del edges[module]
    assert not edges, f"among these there is a circle: {sorted(edges)}"


def test_networks_and_training_need_only_torch_numpy_and_safetensors() -> None:
    def rule(module: str, syntax: ast.Module) -> Iterator[str]:
        if not module.startswith(tuple(f"seido.{part}" for part in NETWORKS)):
            return
        for line, name in imports(module, syntax):
            top, _, rest = name.partition(".")
            stage = rest.split(".")[0]
            if top == "seido" and (stage in {"", *BASE, *NETWORKS} or name in NETWORK_CLIPS):
                continue
            if top not in sys.stdlib_module_names | NETWORK_IMPORTS:
                yield f"{line} imports {name}"

    assert not offences(rule)


ONLY_NETWORKS = """
import importlib, importlib.abc, importlib.metadata as metadata, re, sys

def needed(names):
    found, waiting = set(), list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found.add(name)
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        waiting += [re.match(r"[A-Za-z0-9._-]+", one)[0] for one in requirements if "extra ==" not in one]
    return found

ours = needed(["torch", "numpy", "safetensors"])
blocked = {
    top
    for top, owners in metadata.packages_distributions().items()
    if not any(re.sub(r"[-_.]+", "-", owner).lower() in ours for owner in owners)
} - sys.stdlib_module_names - {"seido"}

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is blocked: networks and training do without it", name=name)

import numpy, safetensors.numpy, safetensors.torch, torch
sys.meta_path.insert(0, Blocker())
try:
    import PIL
except ImportError:
    pass
else:
    raise SystemExit("the blocker does not block")
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_networks_and_training_import_with_everything_else_blocked() -> None:
    names = [name for name in modules() if name.startswith(tuple(f"seido.{part}" for part in NETWORKS))]
    done = subprocess.run(
        [sys.executable, "-c", ONLY_NETWORKS, *names], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_importing_a_module_only_defines_things() -> None:
    defining = (
        ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
    )  # fmt: skip

    def defines(node: ast.stmt, module: str, assigned: set[str]) -> bool:
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                return True
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                return True
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                return True
            # The command line enters its commands in an app that the same module makes.
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
                return layer(module) > len(STAGES) and name in assigned
        return isinstance(node, defining) or (sys.version_info >= (3, 12) and isinstance(node, ast.TypeAlias))

    def rule(module: str, syntax: ast.Module) -> Iterator[str]:
        assigned = {
            target.id
            for node in syntax.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in syntax.body:
            if not defines(node, module, assigned):
                yield f"{node.lineno} does something when imported: {ast.unparse(node)[:60]}"

    assert not offences(rule)


def test_packages_hold_only_a_docstring() -> None:
    def rule(module: str, syntax: ast.Module) -> Iterator[str]:
        if ast.get_docstring(syntax) is None:
            yield "1 has no docstring"
        if modules()[module].name == "__init__.py" and module not in ENTRANCES:
            yield from (f"{node.lineno} holds more than a docstring" for node in syntax.body[1:])

    assert not offences(rule)


def test_files_are_short_and_named_for_what_they_do() -> None:
    def rule(module: str, _: ast.Module) -> Iterator[str]:
        lines = len(modules()[module].read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            yield f"{lines} is too long, over {MOST_LINES} lines"
        if CATCH_ALL & set(module.split(".")):
            yield "1 has a name that says nothing"

    assert not offences(rule)


def test_nothing_runs_through_a_shell_or_unpickles() -> None:
    def is_constant(call: ast.Call, keyword: str, value: object) -> bool:
        given = [one.value for one in call.keywords if one.arg == keyword]
        return bool(given) and isinstance(given[0], ast.Constant) and given[0].value is value

    def rule(module: str, syntax: ast.Module) -> Iterator[str]:
        for line, name in imports(module, syntax):
            if name.partition(".")[0] in UNPICKLERS - {"pickle"}:
                yield f"{line} imports {name}"
        for node in ast.walk(syntax):
            # Of pickle itself only its exceptions: torch's weights-only reader raises them.
            match node:
                case ast.Attribute(value=ast.Name(id="pickle"), attr=used) if not used.endswith("Error"):
                    yield f"{node.lineno} uses pickle.{used}"
                case ast.ImportFrom(module="pickle"):
                    yield f"{node.lineno} imports from pickle: write pickle.UnpicklingError"
                case ast.Import(names=[ast.alias(name="pickle", asname=str(other))]):
                    yield f"{node.lineno} calls pickle {other}"
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            given = {keyword.arg for keyword in node.keywords}
            if "shell" in given and not is_constant(node, "shell", False):
                yield f"{node.lineno} runs a shell"
            if called in {"os.system", "os.popen", "subprocess.getoutput"}:
                yield f"{node.lineno} runs a shell with {called}"
            if "allow_pickle" in given and not is_constant(node, "allow_pickle", False):
                yield f"{node.lineno} allows pickles"
            if called == "torch.load" and not is_constant(node, "weights_only", True):
                yield f"{node.lineno} loads without weights_only=True"

    def imported_load(module: str, syntax: ast.Module) -> Iterator[str]:
        for node in ast.walk(syntax):
            if isinstance(node, ast.ImportFrom) and node.module == "torch" and "load" in [a.name for a in node.names]:
                yield f"{node.lineno} imports torch's load by name: write torch.load"

    assert not offences(rule)
    assert not offences(imported_load)


def project_files() -> list[Path]:
    """List what belongs to the project; without git (a source archive) all but hidden and built folders."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
        names = [Path(name) for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        names = [name for name in names if not any(part.startswith((".", "__pycache__")) for part in name.parts)]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_no_text_mentions_a_machine_path() -> None:
    # Put together here, so that this file does not mention them either.
    paths = re.compile(rb"(?<![\w.-])/(?:" + b"|".join([b"work", b"root"]) + rb")/")
    guilty = []
    for path in project_files():
        content = path.read_bytes()
        if b"\0" not in content[:4096] and (found := paths.search(content)):
            line = content[: found.start()].count(b"\n") + 1
            guilty.append(f"{path.relative_to(ROOT)}:{line}")
    assert not guilty


def test_the_rules_notice_an_offence() -> None:
    assert layer("seido.errors") < layer("seido.corpus") < layer("seido.scores.table") < layer("seido.report.pictures")
    assert layer("seido.report.pictures") < layer("seido.cli") == layer("seido")
    found = list(imports("seido.scores.rows", ast.parse("def f():\n  from ..report import pictures\n  import a.b")))
    assert found == [(2, "seido.report.pictures"), (3, "a.b")]
