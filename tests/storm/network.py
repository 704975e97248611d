"""Machines of their own for servers: network namespaces on one router, which drops what it is told to.

The router is the storm's own namespace, which it enters by `apart` and nobody else is in; all of it is gone when the
storm is.  Nothing is refused or reset here: packets are lost, as behind a cable that is out or a firewall.  A line can
also be bad, packets are lost then and late; a device of the storm's own holds them back, for the kernel's (netem) is
not on every machine.
"""

import asyncio
import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

LOST_PERCENT, LATE_SECONDS = 20, 0.15
"""What a bad line does to packets, in each direction."""

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_SET_DEVICE, _PACKETS_ONLY = 0x400454CA, 0x1001  # TUNSETIFF; IFF_TUN | IFF_NO_PI
_SLOW = "slow"
_RULES = f"""
table ip storm {{
    set cut {{ type ipv4_addr . ipv4_addr; }}
    set bad {{ type ipv4_addr . ipv4_addr; }}
    chain worse {{
        numgen random mod 100 < {LOST_PERCENT} drop
        meta mark set 1
    }}
    chain comes {{
        type filter hook prerouting priority raw;
        ip saddr . ip daddr @cut drop
        iifname != "{_SLOW}" ip saddr . ip daddr @bad jump worse
    }}
    chain goes {{
        type filter hook output priority raw;
        ip saddr . ip daddr @cut drop
    }}
}}
"""

Way = tuple[str, str]
"""From one address to another one."""


def missing() -> str:
    """What is not there that machines need, or nothing."""
    programs = [name for name in ("ip", "nft", "unshare", "nsenter") if shutil.which(name) is None]
    if programs:
        return f"{' and '.join(programs)} not there"
    tried = subprocess.run(["unshare", "--net", "nft", "-f", "-"], input=_RULES.encode(), capture_output=True)
    if tried.returncode:
        return f"no network can be made here: {tried.stderr.decode().strip()}"
    return "" if os.access("/dev/net/tun", os.W_OK) else "/dev/net/tun not there"


def apart() -> None:
    """This process, which has one thread, has a network for itself from now on."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "no network can be made here")
    _do("ip", "link", "set", "lo", "up")
    ipv4 = Path("/proc/sys/net/ipv4")
    (ipv4 / "ip_forward").write_text("1")
    for kind in ("all", "default"):
        (ipv4 / "conf" / kind / "rp_filter").write_text("0")
    _do("nft", "-f", "-", text=_RULES)


class Machine:
    """One of them, with an address; from the storm it is reached by the router's `gateway`."""

    def __init__(self, number: int) -> None:
        self.address, self.gateway = f"10.77.{number}.2", f"10.77.{number}.1"
        # It ends with this process, whose pipe it reads, and with it the namespace.
        self._holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        network = Path(f"/proc/{self._holder.pid}/ns/net")
        while os.readlink(network) == os.readlink("/proc/self/ns/net"):
            pass
        self.within = ("nsenter", f"--net={network}")
        """The words before a command that is to run there."""
        cable = f"cable{number}"
        _do("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(self._holder.pid))
        _do("ip", "address", "add", f"{self.gateway}/30", "dev", cable)
        _do("ip", "link", "set", cable, "up")
        _do(*self.within, "ip", "address", "add", f"{self.address}/30", "dev", "eth0")
        for device in ("lo", "eth0"):
            _do(*self.within, "ip", "link", "set", device, "up")
        _do(*self.within, "ip", "route", "add", "default", "via", self.gateway)

    def close(self) -> None:
        """Be gone when all that runs there is."""
        self._holder.communicate()


class Network:
    """What is lost on the way, in the storm's own namespace."""

    def __init__(self) -> None:
        self.machines: list[Machine] = []
        self._late = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._late, _SET_DEVICE, struct.pack("16sH", _SLOW.encode(), _PACKETS_ONLY))
        _do("ip", "link", "set", _SLOW, "up")
        _do("ip", "rule", "add", "fwmark", "1", "lookup", "100")
        _do("ip", "route", "add", "default", "dev", _SLOW, "table", "100")
        asyncio.get_running_loop().add_reader(self._late, self._hold_back)

    def machine(self) -> Machine:
        """One more."""
        self.machines.append(Machine(len(self.machines) + 1))
        return self.machines[-1]

    def _hold_back(self) -> None:
        packet = os.read(self._late, 65536)
        asyncio.get_running_loop().call_later(LATE_SECONDS, os.write, self._late, packet)

    def cut(self, ways: Iterable[Way]) -> None:
        """What goes these ways is lost."""
        _change("add", "cut", ways)

    def spoil(self, ways: Iterable[Way]) -> None:
        """Some of what goes these ways is lost, and the rest is late."""
        _change("add", "bad", ways)

    def mend(self, ways: Iterable[Way]) -> None:
        """All that goes these ways arrives again."""
        ways = list(ways)
        for kind in ("cut", "bad"):
            _change("add", kind, ways)  # what is not there cannot be deleted
            _change("delete", kind, ways)

    def close(self) -> None:
        """All is over."""
        asyncio.get_running_loop().remove_reader(self._late)
        os.close(self._late)
        for machine in self.machines:
            machine.close()


def both(one: str, others: Iterable[str]) -> list[Way]:
    """The ways between one address and others, in both directions."""
    return [way for other in others for way in ((one, other), (other, one))]


def _change(what: str, kind: str, ways: Iterable[Way]) -> None:
    elements = ", ".join(f"{one} . {other}" for one, other in ways)
    _do("nft", f"{what} element ip storm {kind} {{ {elements} }}")


def _do(*words: str, text: str = "") -> None:
    subprocess.run(words, input=text.encode(), check=True, capture_output=True)
