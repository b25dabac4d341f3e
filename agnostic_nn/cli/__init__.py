"""The command line, `agnostic-nn`. Large libraries are imported by the commands that need them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from ..errors import AgnosticNNError, printable
from ..installing import install_line


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0, 2 after an error of one line, 130 after Ctrl-C.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; left out, what the process was started with.
    """
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        import typer

        from .app import app
    except ModuleNotFoundError as error:
        return _missing(error)
    # older versions of typer take this from click, newer ones have their own
    usage_error: Any = next(
        kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
    )
    try:
        code = app(arguments, prog_name="agnostic-nn", standalone_mode=False)
        sys.stdout.flush()
    except AgnosticNNError as error:
        return _error(str(error))
    except usage_error as error:
        # without a command the help has been shown, and there is nothing more to say
        return _error(error.format_message()) if error.format_message() else error.exit_code
    except ModuleNotFoundError as error:
        return _missing(error)
    except BrokenPipeError:
        # `| head` has seen enough; nothing may be written when the interpreter closes the stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        return _error(f"{error.filename or 'a file'}: {reason}.")
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:
        return _error("interrupted.", 130)
    return code if isinstance(code, int) else 0


def _error(message: str, code: int = 2) -> int:
    print(f"agnostic-nn: error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return code


def _missing(error: ModuleNotFoundError) -> int:
    if (error.name or "").partition(".")[0] == "agnostic_nn":
        raise error
    return _error(f"{error.name} is not installed: {install_line('cli')}")
