# SPDX-License-Identifier: BSD-3-Clause
"""
The language of tests/sim read for a real switch: cases, names, messages as frames, and the switch's answers in the words of the
scripts. simworld.py does and checks what they say.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path

from . import frames, groupmsg

RECORDS = {"IS_IN": frames.IS_IN, "IS_EX": frames.IS_EX, "TO_IN": frames.TO_IN, "TO_EX": frames.TO_EX, "ALLOW": frames.ALLOW,
           "BLOCK": frames.BLOCK}
UPLINK = 10  # number of u1, less one, in addresses


@dataclass
class Case:
    file: str
    name: str
    lines: list = field(default_factory=list)  # (line number, text)

    def __str__(self):
        return f"{self.file}: {self.name}"


def read(path):
    """The cases of a script."""
    cases = []
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        text = line.split("#")[0].rstrip()
        if text.startswith("case "):
            cases.append(Case(Path(path).name, text[5:]))
        elif text and cases:
            cases[-1].lines.append((number, text))
    return cases


# ---- names ----

def number(port):
    return int(port[1:]) + (UPLINK if port[0] == "u" else 0)


def mac(port, host="a"):
    return f"02:00:00:00:{number(port):02x}:{ord(host):02x}"


def address(port, host, v6):
    """Of a host behind a port."""
    return f"fe80::{number(port):x}{ord(host):02x}" if v6 else f"10.0.{number(port)}.{ord(host)}"


def source(i, v6):
    return str(ipaddress.ip_address("2001:db8::" if v6 else "10.9.0.0") + i)


def source_name(text):
    return f"s{ipaddress.ip_address(text).packed[-1]}"


def is_v6(group):
    return ":" in group and not is_mac(group)


def is_mac(group):
    return re.fullmatch(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", group) is not None


def sources_of(text, v6):
    """(addresses in {s1 s2}, the words behind it)"""
    match = re.match(r"\s*\{([^}]*)\}\s*(.*)", text)
    if not match:
        return [], text.split()
    return [source(int(word[1:]), v6) for word in match[1].replace(",", " ").split()], match[2].split()


def options_of(words):
    return {key: value or True for key, _, value in (word.partition("=") for word in words)}


# ---- messages ----

def message(port, host, verb, rest, vlan):
    """The frame of a message; port and host send it."""
    group, _, rest = rest.partition(" ")
    if verb == "query":
        return _query(port, host, group, rest, vlan)
    if verb in ("pim", "mrd", "unknown"):
        return _router(port, host, verb, group, options_of(rest.split()), vlan)
    v6 = is_v6(group)
    sources, words = sources_of(rest, v6)
    options = options_of(words)
    sender = mac(port, host), options.get("from", address(port, host, v6))
    odd = {}
    if "odd=ttl" in words:
        odd["hlim" if v6 else "ttl"] = 2
    if "odd=alert" in words:
        odd["alert"] = False
    if verb in RECORDS:
        record = [(RECORDS[verb], group, sources)]
        if v6:
            return frames.mld2_report(sender[0], record, src=sender[1], vlan=vlan, **odd)
        return frames.igmp3_report(*sender, record, vlan=vlan, **odd)
    return _older(verb, v6, sender, group, vlan, odd)


def _older(verb, v6, sender, group, vlan, odd):
    if v6:
        build = {"v1report": frames.mld1_report, "v1done": frames.mld1_done}[verb]
        return build(sender[0], group, src=sender[1], vlan=vlan, **odd)
    if verb == "v1report":
        return frames.igmp1_report(*sender, group, vlan=vlan)
    return {"v2report": frames.igmp2_report, "v2leave": frames.igmp2_leave}[verb](*sender, group, vlan=vlan, **odd)


def _query(port, host, src, rest, vlan):
    v6 = ":" in src
    group, _, rest = rest.partition(" ")
    sources, words = sources_of(rest, v6)
    options = options_of(words)
    general = group == "general"
    version = int(options.get("v", 2 if v6 else 3))
    seconds = float(options.get("mrt", 10 if general else 1))
    common = dict(version=version, qrv=int(options.get("qrv", 0)), qqic=int(options.get("qqic", 0)), sources=sources,
                  suppress=int("s" in options), vlan=vlan)
    if v6:
        return frames.mld_query(mac(port, host), "::" if general else group, src=src, code=int(seconds * 1000), **common)
    return frames.igmp_query(mac(port, host), src, "0.0.0.0" if general else group, code=int(seconds * 10), **common)


def _router(port, host, verb, src, options, vlan):
    hold = int(options.get("hold", 105))
    if verb == "pim":
        return groupmsg.pim_hello(mac(port, host), src, hold, vlan=vlan)
    if verb == "mrd":
        return groupmsg.mrd(mac(port, host), src, hold // 3, vlan=vlan)
    body = bytes([0x7F, 0]) + frames.checksum(bytes([0x7F, 0, 0, 0, 0, 0, 0, 0])).to_bytes(2, "big") + bytes(4)
    return groupmsg.igmp(mac(port, host), src, "224.0.0.1", body, vlan)


# ---- answers in the words of the scripts ----

def seconds_text(ms):
    return f"{ms / 1000:.12g}"


def query_text(query, ours):
    """"v3 239.1.1.1 {s1} from 0.0.0.0 mrt=1 rv=2 qqic=125 s"; our link-local address is the machine's ::."""
    text = f"v{query.version} " + ("general" if query.general else query.group)
    if query.sources:
        text += " {" + " ".join(map(source_name, query.sources)) + "}"
    sender = "::" if ours and query.source.startswith("fe80::") else query.source
    text += f" from {sender} mrt={query.max_response_s:.9g} rv={query.qrv} qqic={query.qqic}"
    return text + (" s" if query.suppress else "")


def row_text(rows, now_ms):
    """"exclude@260 {s1@200 !s2} v2" of the objects of one row of `show groups`; now_ms since the case began."""
    if not rows:
        return "none"
    head = next((row for row in rows if row["source"] == "*"), None)
    v6 = is_v6(rows[0]["group"])

    def end(row):
        return "never" if row["expires_ms"] is None else seconds_text(now_ms + row["expires_ms"])
    origin = "" if rows[0]["origin"] == "snooped" else rows[0]["origin"] + " "
    exclude = head is not None and head["mode"] == "exclude"
    text = origin + (f"exclude@{end(head)}" if exclude else "include") + " {"
    text += " ".join(f"!{source_name(row['source'])}" if row["mode"] == "exclude" else
                     f"{source_name(row['source'])}@{end(row)}" for row in rows if row["source"] != "*") + "}"
    version = rows[0]["version"]
    return text + (f" v{version}" if 0 < version < (2 if v6 else 3) else "")


def querier_text(row, now_ms):
    if row is None or row["state"] == "none":
        return "none"
    if row["state"] == "ours":
        return "ours"
    return (f"{row['address']} {row['port']} v{row['version']} rv={row['robustness']} "
            f"qi={row['query_interval_ms'] / 1000:.9g} @{seconds_text(now_ms + row['expires_ms'])}")


def reporters_text(rows, now_ms):
    """Times in show snooping are tenths of a second, rounded down."""
    def at(ago_ms):
        return seconds_text(round((now_ms - ago_ms + 49) / 100) * 100)
    texts = []
    for row in rows:
        host = chr(int(row["mac"].split(":")[-1], 16))
        who = "*" if row["source"] == "*" else source_name(row["source"])
        left = "" if row["last_leave_ms"] is None else f"-{at(row['last_leave_ms'])}"
        texts.append(f"{row['port']}.{host}/{who}@{at(row['last_join_ms'])}{left}")
    return " ".join(texts) or "none"


EVENTS = {  # type: how its sentence reads, and what the script says
    "join": (r"(\S+) joined (\S+) \((.*)\)", "joined {0} {1} {2}"),
    "leave": (r"(\S+) left (\S+) \((.*)\)", "left {0} {1} {2}"),
    "quota": (r"(\S+) refused (\S+) \((.*)\)", "quota {0} {1} {2}"),
    "querier": (r"querier of VLAN \d+ is (.*) \((.*)\)", "querier {port} {0} {1}"),
    "router": (r"(\S+) is (a|no longer a) router port \((.*)\)", "{1} {0} {2}"),
}


def event_text(event):
    """"joined p1 239.1.1.1 report", None for what scripts know nothing of. A router's address is not in it."""
    pattern, text = EVENTS.get(event["type"], (None, None))
    match = pattern and re.fullmatch(pattern, event["text"])
    if not match:
        return None
    text = text.format(*match.groups(), port=event["port"])
    return text.replace("the switch or nobody", "0.0.0.0").replace("no longer a ", "norouter ").replace("a u", "router u")
