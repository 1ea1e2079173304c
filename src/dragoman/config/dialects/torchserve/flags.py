"""Every flag of TorchServe's command line, and what becomes of it here."""

from collections.abc import Mapping
from typing import Final

from dragoman.config.command_line import Flag
from dragoman.config.dialect import Level

HONOURED, IGNORED, UNSUPPORTED = Level.HONOURED, Level.IGNORED, Level.UNSUPPORTED
NO_TOKENS: Final = "disable_token_authorization"
NO_SNAPSHOTS: Final = "no snapshots are written or looked for"

ROWS: Final[tuple[Flag, ...]] = (
    Flag(
        "start", False, HONOURED, "starts in the background; dragoman serve without it runs in the foreground"
    ),
    Flag("foreground", False, HONOURED, "with --start: runs in the foreground"),
    Flag("stop", False, HONOURED, "ends the server that --start began, and waits for its end"),
    Flag("version", False, HONOURED, "prints the version and ends; also -v"),
    Flag("ts-config", "", HONOURED, "the file of settings; TS_CONFIG_FILE wins over it"),
    Flag("model-store", "", HONOURED, "model_store"),
    Flag("models", "", HONOURED, "load_models: archives, NAME=archive, or all"),
    Flag("disable-token-auth", False, HONOURED, NO_TOKENS),
    Flag("dt", False, HONOURED, "the same"),
    Flag("enable-model-api", False, HONOURED, "enable_model_api"),
    Flag("no-config-snapshots", False, HONOURED, NO_SNAPSHOTS),
    Flag("ncs", False, HONOURED, "the same"),
    Flag("workflow-store", "", IGNORED, "workflow_store"),
    Flag("log-config", "", IGNORED, "log is what configures the log"),
    Flag("cpp-log-config", "", IGNORED, "cpp_log_config"),
    Flag("plugins-path", "", UNSUPPORTED, "plugins_path"),
    Flag("ppath", "", UNSUPPORTED, "the same"),
)
FLAGS: Final[Mapping[str, Flag]] = {flag.name: flag for flag in ROWS}
