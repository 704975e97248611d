"""As whom the server will run: `twistd --uid` gives up root's rights only when everything has been made.

What is made before that would be root's, and the server could not write to it.  So it is made with the rights that
will be left; where they do not suffice, that shows at the start.
"""

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from twisted.python.util import initgroups

from chat.base.errors import Unfit, about
from chat.base.language import say


class NoRights(Unfit):
    """`twistd` cannot run as the user that it is told."""


@contextmanager
def of_who_runs(twistd: Mapping[str, Any]) -> Iterator[None]:
    """What happens within has the rights of `--uid` and `--gid`; raises `NoRights` where nobody can have them."""
    uid, gid = twistd.get("uid"), twistd.get("gid")
    if uid is None and gid is None:
        yield
        return
    if os.geteuid() != 0:
        raise NoRights(about("--uid, --gid", say("only root may choose as whom the server runs.")))
    before = os.getegid(), os.getgroups()
    try:
        user = pwd.getpwuid(0 if uid is None else uid)
    except KeyError:
        raise NoRights(about(f"--uid {uid}", say("there is no user of this number."))) from None
    group = user.pw_gid if gid is None else gid
    try:
        if uid is not None:
            initgroups(uid, group)
        os.setegid(group)
        os.seteuid(user.pw_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(before[0])
        os.setgroups(before[1])
