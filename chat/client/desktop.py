"""What the desktop says of itself, to whoever asks its programs."""

import subprocess

_SECONDS = 1.0
"""A desktop that does not answer is not waited for."""


def is_dark() -> bool:
    """Whether the desktop wants it dark, as far as it says."""
    portal = (
        "gdbus", "call", "--session", "--timeout", "1", "--dest", "org.freedesktop.portal.Desktop",
        "--object-path", "/org/freedesktop/portal/desktop", "--method", "org.freedesktop.portal.Settings.Read",
        "org.freedesktop.appearance", "color-scheme",
    )  # fmt: skip
    gnome = ("gsettings", "get", "org.gnome.desktop.interface", "color-scheme")
    for command, dark, light in ((portal, "uint32 1", "uint32"), (gnome, "prefer-dark", "'")):
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False).stdout
        except (OSError, subprocess.TimeoutExpired):
            continue
        if light in said:
            return dark in said
    return False
