import errno
import os

import pytest

from seido.errors import BadInputError, OutputError
from seido.files import describe_os_error, replacing, require_file, require_parent, sha256, swept, write_bytes


def test_what_was_there_stays_when_writing_fails(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_ctrl_c_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.mp4") as temporary:
        assert temporary.suffix == ".mp4"
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_said_so(tmp_path, code):
    path = tmp_path / "a.bin"
    with pytest.raises(OutputError, match="no room left"), replacing(path):
        raise OSError(code, os.strerror(code))
    assert not path.exists()


def test_folders_that_are_not_there(tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        require_parent(tmp_path / "no" / "a.mp4")
    with pytest.raises(OutputError, match="this is a folder"):
        require_parent(tmp_path)
    assert "not allowed" in describe_os_error(tmp_path, PermissionError(errno.EACCES, "no"))


def test_files_that_cannot_be_read(tmp_path):
    empty = tmp_path / "empty.wav"
    empty.touch()
    for path, said in ((tmp_path / "none", "no such file"), (empty, "is empty"), (tmp_path, "is a folder")):
        with pytest.raises(BadInputError, match=said):
            require_file(path)


def test_files_are_readable_by_others_as_usual(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"abc")
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    assert sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_what_was_half_written_is_swept_and_what_others_hid_stays(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".seido-x-1.mkv").touch()
    (tmp_path / ".gitignore").touch()
    with swept(tmp_path):
        assert not list((tmp_path / "a").iterdir())
        with replacing(tmp_path / "y") as temporary:
            temporary.rename(temporary.with_name(f"{temporary.name}-killed"))
            (tmp_path / "kept").touch()
            temporary.touch()
    assert [path.name for path in sorted(tmp_path.iterdir())] == [".gitignore", "a", "kept", "y"]
