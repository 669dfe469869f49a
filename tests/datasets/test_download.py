"""Downloads, with torchvision's network code replaced."""

import hashlib
import pickle
import shutil
import tarfile

import pytest

from marginmix.datasets import download, get, prepare
from marginmix.errors import UserError
from tests.tiny_data import write_cifar10, write_svhn

torchvision = pytest.importorskip("torchvision.datasets")


@pytest.fixture(autouse=True)
def tries(monkeypatch):
    """Every server is reached: (address, timeout) of each try."""
    tried = []

    class Reached:
        def close(self):
            pass

    def connect(address, timeout):
        tried.append((address, timeout))
        return Reached()

    monkeypatch.setattr(download.socket, "create_connection", connect)
    monkeypatch.setattr(download, "getproxies", dict)
    return tried


def test_without_a_network_three_tries_end_within_20_seconds(tmp_path, monkeypatch):
    waited = []

    def refuse(address, timeout):
        waited.append(timeout)
        raise OSError("no route")

    monkeypatch.setattr(download.socket, "create_connection", refuse)
    monkeypatch.setattr(download.time, "sleep", waited.append)
    with pytest.raises(UserError, match="cifar10: cannot reach www.cs.toronto.edu in three tries .no route.; down"):
        prepare("cifar10", None, tmp_path / "data", tmp_path / "cache")
    assert len(waited) == 5 and sum(waited) <= 20
    assert not (tmp_path / "data" / "cifar10").exists()


def test_behind_a_proxy_nothing_is_tried_directly(tmp_path, monkeypatch, from_the_net, tries):
    monkeypatch.setattr(download, "getproxies", lambda: {"https": "http://proxy:3128"})
    prepare("cifar10", None, tmp_path / "data", tmp_path / "cache", verify_counts=False)
    assert tries == []


@pytest.fixture
def from_the_net(tmp_path, monkeypatch):
    """torchvision's CIFAR-10, as if downloaded from tmp_path / "net"."""

    def download(self):
        shutil.copytree(write_cifar10(tmp_path / "net"), self.root, dirs_exist_ok=True)
        (tmp_path / "net" / "cifar-10-batches-py").rename(tmp_path / "used")
        self.root.joinpath(self.filename).write_bytes(b"archive")

    monkeypatch.setattr(torchvision.CIFAR10, "__init__", lambda self, root, download: self._fetch(root))
    monkeypatch.setattr(torchvision.CIFAR10, "download", download)

    def fetch(self, root):
        self.root = root
        self.download()

    monkeypatch.setattr(torchvision.CIFAR10, "_fetch", fetch, raising=False)


def test_what_is_absent_is_downloaded_into_its_own_folder(tmp_path, from_the_net):
    prepared = prepare("cifar10", None, tmp_path / "data", tmp_path / "cache", verify_counts=False)
    assert prepared.parts["train"] == (0, 100) and prepared.root == tmp_path / "data" / "cifar10"
    assert [path.name for path in prepared.root.iterdir()] == ["cifar-10-batches-py"]


def test_an_explicit_root_is_the_place(tmp_path, from_the_net):
    prepared = prepare("cifar10", tmp_path / "mine", tmp_path, tmp_path / "cache", verify_counts=False)
    assert prepared.root == tmp_path / "mine"


def test_svhn_is_two_files(tmp_path, monkeypatch):
    write_svhn(tmp_path / "net")
    monkeypatch.setattr(
        torchvision.SVHN,
        "__init__",
        lambda self, root, split, download: shutil.copy(tmp_path / "net" / f"{split}_32x32.mat", root) and None,
    )
    prepared = prepare("svhn", None, tmp_path / "data", tmp_path / "cache", verify_counts=False)
    assert sorted(path.name for path in prepared.root.iterdir()) == ["test_32x32.mat", "train_32x32.mat"]


def test_no_network_is_one_line(tmp_path, monkeypatch):
    def offline(self, root, download):
        raise OSError("<urlopen error no network>")

    monkeypatch.setattr(torchvision.STL10, "__init__", offline)
    with pytest.raises(
        UserError, match="stl10: the download into .*stl10 failed .*no network.*or put stl10_binary.tar.gz"
    ):
        prepare("stl10", None, tmp_path, tmp_path / "cache")
    assert list((tmp_path / "stl10").iterdir()) == []


def test_a_truncated_archive_is_told_and_kept(tmp_path):
    archive = tmp_path / "cifar100" / "cifar-100-python.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(b"half an archive")
    with pytest.raises(UserError, match="cifar-100-python.tar.gz: expected the official archive .* truncated"):
        prepare("cifar100", None, tmp_path, tmp_path / "cache")
    assert archive.exists()


def test_an_archive_that_lies_there_is_unpacked(tmp_path, monkeypatch):
    """torchvision's own code, with the checksums of a tiny archive."""

    def md5(path):
        return hashlib.md5(path.read_bytes()).hexdigest()

    batches = write_cifar10(tmp_path / "made") / "cifar-10-batches-py"
    (batches / "batches.meta").write_bytes(pickle.dumps({"label_names": list(get("cifar10").classes)}))
    place = tmp_path / "data" / "cifar10"
    place.mkdir(parents=True)
    archive = place / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(batches, batches.name)
    kind = torchvision.CIFAR10
    monkeypatch.setattr(kind, "tgz_md5", md5(archive))
    for listed in ("train_list", "test_list"):
        monkeypatch.setattr(kind, listed, [[name, md5(batches / name)] for name, _ in getattr(kind, listed)])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5(batches / "batches.meta")})
    prepared = prepare("cifar10", None, tmp_path / "data", tmp_path / "cache", verify_counts=False)
    assert prepared.parts == {"train": (0, 100), "test": (100, 120)}
    assert sorted(path.name for path in place.iterdir()) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]
