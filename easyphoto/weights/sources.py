"""Where a file can be fetched from: addresses in the form that each hub documents."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote, urlsplit

HUGGINGFACE, MODELSCOPE, HTTPS = "huggingface", "modelscope", "https"


@dataclass(frozen=True)
class WeightSource:
    """One place of a file: a repository of a hub at a revision, or a plain address."""

    hub: str
    repo: str = ""  # OWNER/NAME
    revision: str = ""  # a commit, a tag or a branch
    path: str = ""  # inside the repository, with slashes
    url: str = ""  # of the hub "https" only

    @property
    def address(self) -> str:
        """Its URL, at the hub that the environment names or the hub's own."""
        return ADDRESSES[self.hub](self)

    @property
    def host(self) -> str:
        """For messages."""
        return urlsplit(self.address).netloc


def _huggingface(source: WeightSource) -> str:
    endpoint = _endpoint("https://huggingface.co", "HF_ENDPOINT")
    return f"{endpoint}/{source.repo}/resolve/{quote(source.revision, safe='')}/{quote(source.path)}"


def _modelscope(source: WeightSource) -> str:
    endpoint = _endpoint("https://www.modelscope.cn", "MODELSCOPE_ENDPOINT", "MODELSCOPE_DOMAIN")
    query = f"Revision={quote(source.revision, safe='')}&FilePath={quote(source.path, safe='')}"
    return f"{endpoint}/api/v1/models/{source.repo}/repo?{query}"


def _plain(source: WeightSource) -> str:
    return source.url


def _endpoint(usual: str, *variables: str) -> str:
    """As the hub's own client reads it, the first variable that is set; some hold a host name, some an address."""
    asked = next((value for name in variables if (value := os.environ.get(name, "").strip().rstrip("/"))), "")
    return asked if "://" in asked else f"https://{asked}" if asked else usual


ADDRESSES: Mapping[str, Callable[[WeightSource], str]] = MappingProxyType(
    {HUGGINGFACE: _huggingface, MODELSCOPE: _modelscope, HTTPS: _plain}
)
