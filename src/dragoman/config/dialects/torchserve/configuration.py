"""TorchServe's settings from everywhere: the environment over the command line over `config.properties`."""

import posixpath
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from dragoman.config.command_line import CommandLine
from dragoman.config.dialect import Level, Note, Source
from dragoman.config.dialects.torchserve.flags import NO_TOKENS
from dragoman.config.dialects.torchserve.keys import FILE_ONLY, KEYS
from dragoman.config.dialects.torchserve.properties import read_properties
from dragoman.config.dialects.torchserve.snapshots import last_snapshot
from dragoman.core.errors import DragomanError, invalid

FILE_VARIABLE: Final = "TS_CONFIG_FILE"
USUAL_FILE: Final = "config.properties"
UNTOLD: Final = "keystore_pass"
OIP_VARIABLE: Final = "TS_OPEN_INFERENCE_PROTOCOL"  # read without enable_envvars_config, too
BY_FLAG: Final = {
    "model-store": "model_store",
    "workflow-store": "workflow_store",
    "models": "load_models",
    "cpp-log-config": "cpp_log_config",
    "plugins-path": "plugins_path",
    "ppath": "plugins_path",
    "disable-token-auth": NO_TOKENS,
    "dt": NO_TOKENS,
    "enable-model-api": "enable_model_api",
}


class Value(Struct, frozen=True):
    """A key's text, and where it is given: `config.properties:3`, `--models`, `environment TS_MODELS`."""

    text: str
    origin: str


class Configuration:
    """The keys that are given, and the others' defaults."""

    def __init__(self, given: Mapping[str, Value], file: str = "", last_snapshot: str = "") -> None:
        self._given = given
        self.file = file  # that the keys come from, which is no snapshot
        self.last_snapshot = last_snapshot  # that is begun with, as nobody named a file

    def __contains__(self, key: str) -> bool:
        return key in self._given

    def stated(self) -> Mapping[str, str]:
        """The keys that a file and the command line give."""
        return {
            key: value.text
            for key, value in self._given.items()
            if not value.origin.startswith("environment ") and key in KEYS
        }

    def origin(self, key: str) -> str:
        """Where a key is given."""
        value = self._given.get(key)
        return "TorchServe's default" if value is None else f"{value.origin}: {key}".removesuffix(": --")

    def text(self, key: str) -> str:
        """A key's text; its default's where it is not given."""
        value = self._given.get(key)
        return str(KEYS[key].default) if value is None else value.text

    def on(self, key: str) -> bool:
        """Whether a key is true, as Java reads it: any other word is false."""
        return self.text(key).strip().lower() == "true"

    def number(self, key: str, least: int = 0) -> int:
        """A key's number.

        Errors: INVALID_ARGUMENT for what is none, or below `least`.
        """
        text = self.text(key).strip()
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 19):
            raise self.wrong(key, f"{text[:40]!r} is no whole number")
        if int(text) < least:
            raise self.wrong(key, f"{text} is below {least}")
        return int(text)

    def wrong(self, key: str, what: str) -> DragomanError:
        """The error for a value that cannot be used."""
        return invalid(f"{self.origin(key)}: {what}")

    def notes(self) -> Iterator[Note]:
        """A note for each key that is given in the file or the environment; flags have their own."""
        for key, value in self._given.items():
            known = KEYS.get(key)
            where = f"{value.origin}: {key}"
            if value.origin.startswith("--"):
                continue
            if known is None:
                yield Note(where, Level.IGNORED, "TorchServe has no such key")
            elif key == "load_models" and "model_snapshot" in self:
                yield Note(where, Level.IGNORED, "model_snapshot names the models")
            elif self._same(key):
                yield Note(where, Level.HONOURED, "its default")
            else:
                yield Note(where, known.level, known.text)

    def _same(self, key: str) -> bool:
        """Whether a key says what it would without being given."""
        default = KEYS[key].default
        if isinstance(default, bool):
            return self.on(key) == default
        return self.text(key).strip() == str(default)


def read_configuration(source: Source, line: CommandLine) -> Configuration:
    """All that is given.

    Errors: DragomanError naming file and line.
    """
    given: dict[str, Value] = {}
    environment = source.environment
    path = environment.get(FILE_VARIABLE) or line.text("ts-config")
    last = "" if path else last_snapshot(source, line)
    path = path or last
    if not path and USUAL_FILE in source.names("."):
        path = USUAL_FILE
    if path:
        given = read_file(source, path)
    file = path
    if "model_snapshot" in given:
        file = given["tsConfigFile"].text if "tsConfigFile" in given else ""
        given |= secret_of(source, file) if "keystore" in given else {}
    for flag, key in BY_FLAG.items():
        if line[flag] not in ("", False):
            given[key] = Value("true" if line[flag] is True else line.text(flag), f"--{flag}")
    if Configuration(given).on("enable_envvars_config"):
        given |= from_environment(environment, urls=Configuration(given).on("use_env_allowed_urls"))
    if spoken := environment.get(OIP_VARIABLE):
        on = str(spoken == "oip").lower()
        given["ts_open_inference_protocol"] = Value(on, f"environment {OIP_VARIABLE}")
    return Configuration(given, file, last)


def read_file(source: Source, path: str) -> dict[str, Value]:
    """The keys of one file.

    Errors: DragomanError naming file and line.
    """
    found = read_properties(source.read(path), path, source.environment)
    return {key: Value(one.value, f"{path}:{one.line}") for key, one in found.items()}


def secret_of(source: Source, file: str) -> dict[str, Value]:
    """What opens the keystore, which snapshots do not hold, from the file that they came from."""
    folder, name = posixpath.split(file)
    if not name or name not in source.names(folder or "."):
        return {}
    return {key: value for key, value in read_file(source, file).items() if key == UNTOLD}


def from_environment(environment: Mapping[str, str], *, urls: bool) -> dict[str, Value]:
    """The keys that variables set; `urls`: whether that of allowed_urls may, too."""
    found = {}
    for key in KEYS:
        name = f"TS_{key.removeprefix('ts_').upper()}"
        if key not in FILE_ONLY and name in environment and (urls or key != "allowed_urls"):
            found[key] = Value(environment[name], f"environment {name}")
    return found
