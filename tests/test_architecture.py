"""The plan of the package, kept by a machine: who may import whom, how long things may be, what is written down."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter

import pytest
from source_files import PACKAGES, ROOT, files, functions, imports_of, name_of, words_of

from easyphoto.families import ModelFamily

FILE_LINES, FUNCTION_LINES, ARGUMENTS = 300, 60, 6

# From the ground up. A file imports from its own package or from packages on lower layers.
LAYERS: tuple[dict[str, tuple[str, ...]], ...] = (
    {
        "ground": (
            "__init__",
            "domain",
            "errors",
            "locales",
            "progress",
            "paths",
            "private_files",
            "tensor_file",
            "sqlite_damage",
            "system_errors",
            "printable",
            "disk_reserve",
            "sqlite_privacy",
            "stages",
            "strength",
            "families",
            "images",
        )
    },
    {"stores": ("lora", "library", "weights")},
    {"faces": ("faces",), "engines": ("engines",)},
    {"training": ("training",), "portrait": ("portrait",)},
    {"application": ("studio", "providers", "quick", "deletion", "picture_tokens", "jobs", "diagnostics")},
    {"batch": ("batch",)},
    {"ui": ("ui",), "api": ("api",)},
    {"server": ("api/server",), "webui": ("webui",), "comfyui": ("comfyui",)},
    {"console": ("__main__", "cli", "demo")},
)
PLACES = {
    name: (layer, group) for layer, groups in enumerate(LAYERS) for group, names in groups.items() for name in names
}
METAPHORS = {
    *("bench", "desk", "door", "easel", "furniture", "guest", "hush", "house", "intake", "leash", "parcel", "shelf"),
    *("shelves", "shop", "sitting", "teller", "wardrobe", "wear", "wears", "witness", "workshop", "worn"),
}
LITERAL = {place: {"wear", "wears", "worn"} for place in ("easyphoto/faces", "easyphoto/portrait")}  # glasses
SAME_NAME = {"Recipe", "Trainer"}  # the two training scripts of builtin_model, none of which imports the other
CONCRETE = (
    "easyphoto.engines.comfyui",
    "easyphoto.engines.local",
    "easyphoto.engines.webui",
    "easyphoto.faces.builtin",
    "easyphoto.faces.modelscope",
)

HOST = {"modules", "modules_forge", "networks", "internal_controlnet", "lib_controlnet", "comfy", "comfy_api"}
HOST_CLASSES = ("easyphoto/comfyui/extension.py", "easyphoto/comfyui/nodes/*.py")  # made of ComfyUI's own


def place(module: str) -> tuple[int, str]:
    """Layer and group of easyphoto.x.y; a bare name out of easyphoto itself is on the ground."""
    parts = module.split(".")
    if len(parts) < 2:
        return 0, "ground"
    return PLACES.get("/".join(parts[1:3])) or PLACES.get(parts[1], (0, "ground"))


def test_there_are_files_to_test():
    assert len(files()) > 30


def test_every_file_has_its_layer():
    groups = {
        file.relative_to(ROOT / "easyphoto").parts[0].removesuffix(".py") for file in (ROOT / "easyphoto").rglob("*.py")
    }
    assert groups - set(PLACES) == set()


def test_imports_go_down():
    wrong = []
    for file in (ROOT / "easyphoto").rglob("*.py"):
        layer, group = place(name_of(file))
        for target in imports_of(file):
            if target.startswith("easyphoto."):
                below, other = place(target)
                if other != group and below >= layer:
                    wrong.append(f"{file.relative_to(ROOT)} imports {target}")
    assert wrong == []


def test_only_wiring_and_interfaces_name_a_concrete_tool():
    wrong = []
    for file in (ROOT / "easyphoto").rglob("*.py"):
        layer, group = place(name_of(file))
        for target in imports_of(file):
            named = next((tool for tool in CONCRETE if target.startswith(tool)), None)
            inside = named is not None and group == named.split(".")[1]
            if named and not inside and layer < 4:
                wrong.append(f"{file.relative_to(ROOT)} imports {target}")
    assert wrong == []


def test_no_file_imports_itself_by_a_detour():
    """Also not for types only: two files that need each other to be read are one file, or three."""
    known = {name_of(file).removesuffix(".__init__"): file for file in files()}
    graph: dict[str, set[str]] = {}
    for name, file in known.items():
        found = {target if target in known else target.rpartition(".")[0] for target in imports_of(file)}
        graph[name] = (found & set(known)) - {name}
    graph["easyphoto.families"].discard(
        "easyphoto.families.base"
    )  # a family has its values, and they say whose they are
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize(
    ("package", "others", "allowed"),
    [
        ("kohya_train", ("easyphoto",), ()),
        ("builtin_model", ("easyphoto", "kohya_train"), ()),
        (
            "easyphoto",
            ("builtin_model",),
            ("easyphoto/engines/local/*.py", "easyphoto/faces/*.py", "easyphoto/portrait/working_frame.py"),
        ),
        (
            "easyphoto",
            ("modules", "modules_forge", "networks", "internal_controlnet", "lib_controlnet", "launch"),
            ("easyphoto/engines/webui/*.py", "easyphoto/webui/*.py"),
        ),
        (
            "easyphoto",
            ("comfy", "comfy_api", "comfy_execution", "folder_paths", "nodes", "server"),
            ("easyphoto/engines/comfyui/*.py", "easyphoto/comfyui/*.py"),
        ),
        ("easyphoto", ("modelscope",), ("easyphoto/faces/modelscope/*.py",)),
    ],
)
def test_packages_keep_apart(package: str, others: tuple[str, ...], allowed: tuple[str, ...]):
    wrong = [
        f"{file.relative_to(ROOT)} imports {target}"
        for file in (ROOT / package).rglob("*.py")
        for target in imports_of(file)
        if target.split(".")[0] in others and not any(fnmatch(file.relative_to(ROOT).as_posix(), a) for a in allowed)
    ]
    assert wrong == []


def test_the_host_is_imported_inside_functions_only():
    """Our packages import anywhere; only the script in scripts/ and ComfyUI's nodes run nowhere but in the host."""
    wrong = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in (ROOT / "easyphoto").rglob("*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
        if name.split(".")[0] in HOST
        and not any(fnmatch(file.relative_to(ROOT).as_posix(), made) for made in HOST_CLASSES)
    ]
    assert wrong == []


def test_the_host_finds_one_script_and_no_package_of_scripts():
    """It runs every scripts/*.py, and an __init__.py there would hide the scripts of everybody else."""
    assert [file.name for file in (ROOT / "scripts").iterdir() if file.name != "__pycache__"] == ["easyphoto_tab.py"]


def test_the_contract_is_all_we_know_of_the_trainer():
    known = {
        (file.relative_to(ROOT).as_posix(), ".".join(target.split(".")[:2]))
        for file in (ROOT / "easyphoto").rglob("*.py")
        for target in imports_of(file)
        if target.split(".")[0] == "kohya_train"
    }
    ends = ("launch", "landmarks")
    assert known <= {(f"easyphoto/training/{end}.py", "kohya_train.contract") for end in ends}


def test_the_contract_needs_the_standard_library_only():
    package = (ROOT / "kohya_train" / "contract").glob("*.py")
    used = {target for file in package for target in imports_of(file) if not target.startswith("kohya_train.contract")}
    assert {target.split(".")[0] for target in used} - set(sys.stdlib_module_names) == set()


def test_files_are_short():
    """Tests too: a file a subject, what several share in the folder's conftest.py or in a module with a plain name."""
    counted = [*files(), *(ROOT / "tests").rglob("*.py"), ROOT / "start.py"]
    counts = {file.relative_to(ROOT).as_posix(): len(file.read_text(encoding="utf-8").splitlines()) for file in counted}
    assert {name: count for name, count in counts.items() if count > FILE_LINES} == {}


def test_functions_are_short():
    long = {}
    for file, node in functions():
        length = (node.end_lineno or 0) - node.lineno + 1
        if length > FUNCTION_LINES:
            long[f"{file.relative_to(ROOT)}:{node.name}"] = length
    assert long == {}


def test_functions_ask_for_few_arguments():
    """Counted are those without a default; networks' configs are as long as their architecture needs."""
    many = {}
    for file, node in functions():
        positional = [*node.args.posonlyargs, *node.args.args]
        asked = [a.arg for a in positional[: len(positional) - len(node.args.defaults)]]
        asked += [a.arg for a, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value is None]
        if len([name for name in asked if name not in ("self", "cls")]) > ARGUMENTS:
            many[f"{file.relative_to(ROOT)}:{node.name}"] = asked
    assert many == {}


def test_nobody_prints():
    loud = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in files()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert loud == []


def test_no_module_hides_one_of_the_standard_library():
    """A package's own folder may land on sys.path when a script in it is run; the folders inside never do."""
    folders = [ROOT, *(ROOT / package for package in PACKAGES), ROOT / "scripts"]
    names = {file.stem for folder in folders for file in folder.glob("*.py")} - {"__init__", "__main__"}
    assert names & set(sys.stdlib_module_names) == set()


def test_every_module_says_what_it_is():
    assert [file for file in files() if not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))] == []


FAMILY_TABLES = ("easyphoto/families/*.py", "kohya_train/families/*.py")
ASKS_FOR_A_FAMILY = re.compile(
    r"ModelFamily\.[A-Z]|family (?:is not|is|==|!=) (?!None|not None|family|missing)"
    r"""|[=!]= ["'](?:sd15|sdxl|built-in|experimental)["']"""
)


def test_families_differ_in_their_tables_only():
    """What differs from family to family is a value in its own file, never an `if` elsewhere."""
    asking = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files()
        if not any(fnmatch(file.relative_to(ROOT).as_posix(), table) for table in FAMILY_TABLES)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if ASKS_FOR_A_FAMILY.search(line)
    ]
    assert asking == []


def test_every_family_has_its_two_files():
    ours, trainers = (
        {file.stem for file in (ROOT / package / "families").glob("*.py")} - {"__init__", "base"}
        for package in ("easyphoto", "kohya_train")
    )
    assert ours == trainers == {family.value.replace("-", "_") for family in ModelFamily}
    assert all(family.spec.id == family for family in ModelFamily)


def test_no_two_public_classes_have_one_name():
    places: dict[str, list[str]] = {}
    for file in files():
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name_of(file))
    assert {name: where for name, where in places.items() if len(where) > 1 and name not in SAME_NAME} == {}


def test_names_docstrings_and_comments_use_no_metaphors():
    """A name is the term that an engineer of diffusion, web or Python would search for."""
    alone = [ROOT / name for name in ("__init__.py", "install.py", "start.py", "scripts/easyphoto_tab.py")]
    found = []
    for file in (*files(), *alone):
        place = file.relative_to(ROOT).as_posix()
        allowed = next((words for folder, words in LITERAL.items() if folder in place), set())
        found += [f"{place}:{line} {word}" for line, word in words_of(file) if word in METAPHORS - allowed]
    assert found == []


def test_test_files_have_names_of_their_own():
    """pytest imports them by name alone."""
    names = Counter(file.name for file in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
