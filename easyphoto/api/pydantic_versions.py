"""Models of JSON that mean the same to pydantic 1.10, which A1111 pins, and to pydantic 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydantic
from pydantic import BaseModel, Field

VERSION_1 = pydantic.VERSION.startswith("1.")

if VERSION_1 and not TYPE_CHECKING:
    from pydantic import validator
    from pydantic.errors import DictError

    class _Nullable:
        """Pydantic 1 leaves null out of its schemas; this is OpenAPI 3.0's word for it."""

        @staticmethod
        def schema_extra(schema: dict[str, Any], model: Any) -> None:
            """After the schema of a model was made."""
            for field in model.__fields__.values():
                if field.allow_none:
                    schema["properties"][field.alias]["nullable"] = True

    class OpenModel(BaseModel):
        """More names than are written down may follow."""

        class Config(_Nullable):
            """As the class says."""

            extra = "allow"

    class ResultModel(BaseModel):
        """Nothing but the names that are written down."""

        class Config(_Nullable):
            """As the class says."""

            extra = "forbid"

    class RequestModel(ResultModel):
        """Unknown names are refused, and so is every value of another JSON type."""

        @classmethod
        def validate(cls, value: Any) -> Any:
            """Pydantic 1 would make an object of a list of pairs."""
            if not isinstance(value, (dict, cls)):
                raise DictError
            return super().validate(value)

        @validator("*", pre=True, allow_reuse=True)
        def _numbers(cls, value: Any, field: Any) -> Any:  # noqa: N805 (pydantic's form)
            """A strict float of pydantic 1 would refuse 1, a plain one would take "1" and true."""
            is_float = isinstance(field.outer_type_, type) and issubclass(field.outer_type_, float)
            if is_float and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise TypeError("value is not a valid number")
            return value

else:

    class OpenModel(BaseModel):
        """More names than are written down may follow."""

        model_config = pydantic.ConfigDict(extra="allow")

    class ResultModel(BaseModel):
        """Nothing but the names that are written down."""

        model_config = pydantic.ConfigDict(extra="forbid")

    class RequestModel(ResultModel):
        """Unknown names are refused, and so is every value of another JSON type."""


def text(**bounds: Any) -> Any:
    """A string type with `pattern`, `min_length` and `max_length`; no other JSON type becomes one."""
    if VERSION_1 and "pattern" in bounds:
        bounds["regex"] = bounds.pop("pattern")
    return pydantic.constr(strict=True, **bounds)


def list_of(item: Any, low: int, high: int) -> Any:
    """A list type of `low` to `high` items."""
    names = ("min_items", "max_items") if VERSION_1 else ("min_length", "max_length")
    bounds: dict[str, Any] = dict(zip(names, (low, high), strict=True))
    return pydantic.conlist(item, **bounds)


def documented(default: Any = ..., extra: dict[str, Any] | None = None, **facts: Any) -> Any:
    """A field whose schema also says `extra`."""
    more: dict[str, Any] = extra or {}
    return Field(default, **facts, **(more if VERSION_1 else {"json_schema_extra": more}))


def given_fields(model: Any) -> dict[str, Any]:
    """What the caller has sent, without defaults."""
    names = model.__fields_set__ if VERSION_1 else model.model_fields_set
    return {name: getattr(model, name) for name in names}
