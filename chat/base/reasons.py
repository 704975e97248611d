"""Why the system did not do something, in the language of whoever asked: the system itself knows only its own."""

import errno

from chat.base.language import Sentence, say

_REASONS = {
    errno.EACCES: say("Permission denied"),
    errno.EADDRINUSE: say("Address already in use"),
    errno.EADDRNOTAVAIL: say("Cannot assign requested address"),
    errno.EAFNOSUPPORT: say("Address family not supported by protocol"),
    errno.ECONNREFUSED: say("Connection refused"),
    errno.EDQUOT: say("Disk quota exceeded"),
    errno.EEXIST: say("File exists"),
    errno.EIO: say("Input/output error"),
    errno.EISDIR: say("Is a directory"),
    errno.ELOOP: say("Too many levels of symbolic links"),
    errno.EMFILE: say("Too many open files"),
    errno.ENAMETOOLONG: say("File name too long"),
    errno.ENOENT: say("No such file or directory"),
    errno.ENOSPC: say("No space left on device"),
    errno.ENOTDIR: say("Not a directory"),
    errno.EPERM: say("Operation not permitted"),
    errno.EROFS: say("Read-only file system"),
}
"""Those that files and ports are refused with."""


def unreadable(path: object, error: OSError) -> Sentence:
    """A file cannot be read."""
    return say("{path} cannot be read: {reason}.", path=path, reason=system_reason(error))


def system_reason(error: OSError) -> Sentence:
    """The reason; a rare one is as the system words it."""
    return _REASONS.get(error.errno or 0) or say("{error}", error=error.strerror or str(error))
