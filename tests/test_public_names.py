import subprocess
import sys

import pytest

import seido


def test_public_names_are_sorted_and_there():
    assert seido.__all__ == sorted(seido.__all__)
    assert set(seido.__all__) == set(seido._HOMES)
    for name in seido.__all__:
        found = getattr(seido, name)
        assert found.__name__ == name
        assert found.__module__.startswith("seido.")
        assert found.__doc__, f"{name} has no docstring"
    assert dir(seido) == seido.__all__


def test_importing_seido_imports_nothing_heavy():
    code = "import sys, seido; print(sorted({'torch', 'av', 'soundfile', 'PIL', 'rich'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_unknown_names_are_told():
    with pytest.raises(AttributeError, match="tongue"):
        seido.tongue  # noqa: B018
