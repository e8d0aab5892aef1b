"""The sandbox of one template: plain data, whitelisted filters and methods, bounded loops, no other file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from types import BuiltinMethodType, MethodType
from typing import Any, cast

from jinja2 import Undefined
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline.core.template_compiler import PromptCodeGenerator
from pipeline.core.template_errors import LimitReached, NullValue, StrictName
from pipeline.core.template_filters import ATTRIBUTES, BOUNDED_METHODS, FILTERS, PLAIN, bounded_method
from pipeline.core.template_history import read_history
from pipeline.core.template_marks import Authored, History, Inserted, Mark
from pipeline.core.template_media import Media, document_block, image_block, text_document_block
from pipeline.core.template_tags import RoleTags
from pipeline.core.template_values import (
    MAX_ITEMS,
    added,
    concatenate,
    emit,
    multiplied,
    raised,
    remainder,
    text_of,
)

MAX_STEPS = 1_000_000
"""Loop steps of one rendering, all loops together."""

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": added,
    "*": multiplied,
    "**": raised,
    "%": remainder,
}


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """An environment for exactly one template: it also holds that template's marks, columns and limits."""

    code_generator_class = PromptCodeGenerator
    intercepted_binops = frozenset(_OPERATORS)
    emit = staticmethod(emit)
    text_of = staticmethod(text_of)
    concatenate = staticmethod(concatenate)

    def __init__(self, *, has_roles: bool) -> None:
        """With `has_roles`, role tags, `image(...)` and `document(...)` have their meaning."""
        super().__init__(
            extensions=[RoleTags],
            undefined=StrictName,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=0,
        )
        self.filters = dict(FILTERS)
        self.globals = {"range": self.limited_range}
        self.binop_table = {**self.binop_table, **_OPERATORS}
        self.has_roles = has_roles
        self.reserved = frozenset({"row"})
        self.is_structured = False
        self.open_role: str | None = None
        self.column_lines: dict[str, int] = {}
        self.loaded: dict[str, str] = {}
        self.assigned: set[str] = set()
        self.optional: set[str | None] = set()
        self._kept = 0
        self._steps = MAX_STEPS
        self._media: Media | None = None

    # While compiling.

    def keep(self, kind: str, value: Mark | Authored) -> str:
        """Hold a constant of the template; returns the attribute that it is reached by."""
        name = f"{kind}_{self._kept}"
        self._kept += 1
        setattr(self, name, value)
        return name

    def needed_columns(self) -> dict[str, int]:
        """Columns that rendering certainly reads, with the first line: none that the template tests or may set."""
        return {
            name: line
            for name, line in self.column_lines.items()
            if name not in self.optional and self.loaded.get(name) not in self.assigned
        }

    # While rendering.

    def begin(self, media: Media | None = None) -> None:
        """Start a rendering, with all its steps before it; `media` supplies what image(...) and document(...) name."""
        self._steps = MAX_STEPS
        self._media = media

    def history(self, value: Any, label: str, line: int) -> History:
        """`{% messages expression %}`."""
        if isinstance(value, Undefined):
            str(value)
        return read_history(value, label, line)

    def image(self, value: Any, label: str) -> Inserted:
        """`{{ image(expression) }}`."""
        return image_block(cast(Media, self._media), value, label)

    def document(self, value: Any, label: str, **options: Any) -> Inserted:
        """`{{ document(expression, ...) }}`."""
        return document_block(cast(Media, self._media), value, label, **options)

    text_document = staticmethod(text_document_block)
    """`{{ document(text=expression, ...) }}`."""

    def counted(self, iterable: Any, label: str) -> Any:
        """What a loop runs over, charged to the rendering's steps before the loop begins."""
        if iterable is None:
            raise NullValue(label)
        try:
            size = len(iterable)
        except TypeError:
            iterable = list(islice(iterable, self._steps + 1))
            size = len(iterable)
        self._steps -= size
        if self._steps < 0:
            raise LimitReached(f"the loops take more than {MAX_STEPS:,} steps")
        return iterable

    def limited_range(self, *limits: int) -> range:
        """`range(...)`, at most 10,000 items."""
        numbers = range(*limits)
        # len() of a longer range than sys.maxsize fails; its ends always tell.
        if abs(numbers.stop - numbers.start) // abs(numbers.step) > MAX_ITEMS:
            raise LimitReached(f"range makes at most {MAX_ITEMS:,} items")
        return numbers

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`value.name`: a mapping's key, else one of the harmless attributes of plain data."""
        if isinstance(obj, Undefined):
            str(obj)
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        for kinds, names in ATTRIBUTES:
            if attribute in names and isinstance(obj, kinds):
                bounded = bounded_method(obj, attribute) if isinstance(obj, str) else None
                return bounded or getattr(obj, attribute, self.undefined(obj=obj, name=attribute))
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`value[key]`: an item of a mapping, a list or a text; never an attribute."""
        if isinstance(obj, Undefined):
            str(obj)
        if not isinstance(obj, Mapping | list | tuple | str):
            return self.undefined(obj=obj, name=argument)
        try:
            return obj[argument]
        except (TypeError, LookupError):
            return self.undefined(obj=obj, name=argument)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - names of Jinja2
        """Call what the sandbox itself handed out; an undefined name says so."""
        if isinstance(__obj, Undefined):
            str(__obj)
        if not __self.is_safe_callable(__obj):
            raise SecurityError(f"a {type(__obj).__name__} cannot be called")
        return __context.call(__obj, *args, **kwargs)

    def is_safe_callable(self, obj: Any) -> bool:
        """Macros, `range`, and the methods that `getattr` lets through."""
        if isinstance(obj, Macro | LoopContext):
            return True
        if isinstance(obj, partial):
            return obj.func in BOUNDED_METHODS.values()
        if isinstance(obj, BuiltinMethodType):
            return isinstance(obj.__self__, PLAIN)
        if isinstance(obj, MethodType):
            return obj.__self__ is self or isinstance(obj.__self__, LoopContext)
        return False
