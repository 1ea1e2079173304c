"""Write the model archives that the conformance cases of TorchServe speak of.

    python -m tests.conformance.handler_archives DIRECTORY

They are told in torchserve_archives.json; each lands in DIRECTORY under the name that it has there.
"""

import json
import sys
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

DESCRIPTIONS: Final = Path(__file__).with_name("torchserve_archives.json")
MANIFEST: Final = "MAR-INF/MANIFEST.json"
CONFIG: Final = "model-config.yaml"


def descriptions() -> Mapping[str, Mapping[str, Any]]:
    """What each archive holds, by the archive's name, in the order in which servers load them."""
    told = json.loads(DESCRIPTIONS.read_text(encoding="utf-8"))
    return {archive["file"]: archive for archive in told["archives"]}


def loaded_at_start() -> list[str]:
    """The archives that a server of the cases loads, in that order."""
    return [name for name, archive in descriptions().items() if archive["loaded_at_start"]]


def contents(archive: Mapping[str, Any]) -> dict[str, str]:
    """The members of one archive, by their literal names."""
    held = {archive["handler_file"]: archive["handler_source"], **archive.get("extra_files", {})}
    model: dict[str, str] = {"modelName": archive["model_name"], "handler": archive["handler_file"]}
    if "model_config_yaml" in archive:
        held[CONFIG] = archive["model_config_yaml"]
        model["configFile"] = CONFIG
    if "manifest" not in archive:
        known = archive["version"] is not None
        versioned = {**model, "modelVersion": archive["version"]} if known else model
        manifest = {"model": versioned, **({"runtime": "python"} if known else {})}
        held[MANIFEST] = json.dumps(manifest)
    return {**held, **archive.get("raw_members", {})}


def write_archive(path: Path, held: Mapping[str, str | bytes]) -> Path:
    """A `.mar` with these members."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    return path


def one_worker_each() -> Mapping[str, Mapping[str, Any]]:
    """What `models` says of the archives that are loaded; of each model the first version is the default."""
    told: dict[str, dict[str, Any]] = {}
    for name in loaded_at_start():
        archive = descriptions()[name]
        versions = told.setdefault(archive["model_name"], {})
        usual = {"marName": name, "minWorkers": 1, "maxWorkers": 1, "defaultVersion": not versions}
        versions[archive["version"] or "1.0"] = usual
    return told


def write_properties(directory: Path, *, tokens: bool = False) -> None:
    """The settings of the cases' usual server, on free ports; or of that with tokens."""
    told = {
        "inference_address": "http://127.0.0.1:0",
        "management_address": "http://127.0.0.1:0",
        "metrics_address": "http://127.0.0.1:0",
        "grpc_inference_port": "0",
        "grpc_management_port": "0",
        "model_store": str(directory),
        "load_models": ",".join(loaded_at_start()),
        "models": json.dumps(one_worker_each()),
        "enable_model_api": str(not tokens).lower(),
        "disable_token_authorization": str(not tokens).lower(),
        "allowed_urls": r"file:///.*,https://good\\.example/.*",
        "metrics_mode": "prometheus",
    }
    lines = [f"{key}={value}\n" for key, value in told.items()]
    (directory / "config.properties").write_text("".join(lines), encoding="utf-8")


def write(directory: Path, files: Collection[str] | None = None) -> dict[str, Path]:
    """Write these archives, or all, by their names."""
    return {
        name: write_archive(directory / name, contents(archive))
        for name, archive in descriptions().items()
        if files is None or name in files
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(Path(sys.argv[1]))
