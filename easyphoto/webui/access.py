"""Who may use our routes inside the WebUI: whoever may use the WebUI's own.

The host's --api-auth guards only the host's own API routes and --gradio-auth only gradio's, so we ask ourselves.
What the host forbids beyond that where it is open to the network (`disable_extension_access`) has no counterpart
here: no route of ours takes a path or an address of this machine, loads code, or installs anything by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from easyphoto.api import Access
from easyphoto.api.access import Accounts, Proof
from easyphoto.webui import settings

COOKIE = "access-token"  # how the names of gradio's login cookies begin, in every version


@dataclass(frozen=True)
class HostSession:
    """A browser that has logged in to the WebUI's page."""

    app: Any  # gradio's application, which remembers its visitors
    scheme = ""

    def holds(self, headers: Mapping[str, str]) -> bool:
        """Whether a cookie of theirs is one that gradio has given out; its tokens are too long to be guessed."""
        known = getattr(self.app, "tokens", None) or {}
        pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        return any(name.startswith(COOKIE) and value in known for name, _, value in pairs)


def access_of_host(app: Any, *links: Proof) -> Access:
    """The host's rules for its own, at the time `app` was started; `links` prove that the page gave one out."""
    from modules.shared_cmd_options import cmd_opts

    proofs = proofs_of_host(app)
    return Access(
        loopback=not proofs and not cmd_opts.webui_is_non_local,
        proofs=(*proofs, *links) if proofs else (),
        hosts=settings.read().hosts,
        pages=frozenset(filter(None, (cmd_opts.cors_allow_origins or "").split(","))) - {"*"},
        opened=bool(cmd_opts.webui_is_non_local),
    )


def proofs_of_host(app: Any) -> tuple[Proof, ...]:
    """One for every kind of login the host was started with; either will do."""
    api, page = api_accounts(), page_accounts()
    accounts = tuple(dict.fromkeys((*api, *page)))
    return (*((Accounts(accounts),) if accounts else ()), *((HostSession(app),) if page else ()))


def api_accounts() -> tuple[tuple[str, str], ...]:
    """Of --api-auth, as the host splits it."""
    from modules.shared_cmd_options import cmd_opts

    lines = (cmd_opts.api_auth or "").split(",")
    return tuple((user, password) for user, _, password in (line.partition(":") for line in lines) if user)


def page_accounts() -> tuple[tuple[str, str], ...]:
    """Of --gradio-auth and --gradio-auth-path."""
    from modules import initialize_util

    pairs = (tuple(pair) for pair in initialize_util.get_gradio_auth_creds())
    return tuple((pair[0], pair[1]) for pair in pairs if len(pair) == 2)
