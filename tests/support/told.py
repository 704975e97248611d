"""What somebody was told, as they read it: a sentence on several lines is one."""

from world import Client


def told(client: Client) -> list[str]:
    """What they heard, its continued lines as one, without the code."""
    lines: list[str] = []
    for line in client.take():
        if line.startswith(("->   ", "!   ", "-!-   ")):
            lines[-1] += " " + line.split(maxsplit=1)[1]
        else:
            lines.append(line)
    return [line for line in lines if "/resume" not in line and "Welcome to" not in line and "Type a nick" not in line]
