"""Jinja2's code generator, changed where a prompt is more than text: marks, authored text, nulls, columns, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.idtracking import VAR_LOAD_RESOLVE

from pipeline.core.template_marks import Authored, Close, Open
from pipeline.core.template_media import MEDIA_OPTIONS
from pipeline.core.template_values import text_of

if TYPE_CHECKING:
    from pipeline.core.template_sandbox import PromptEnvironment

Visitor = Callable[..., Any]
_MAPPING_METHODS = frozenset({"items", "keys", "values", "get"})
_ELSEWHERE = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport, nodes.Block)


class PromptCodeGenerator(CodeGenerator):
    """Generates the render function, and notes on the environment which columns it asks for.

    Overrides the same output hooks as Jinja2's own native-types generator, and dispatch by node type.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own = cast("PromptEnvironment", self.environment)
        self._inside = not self._own.is_structured
        self._visitors: dict[type[nodes.Node], Visitor] = {
            nodes.Output: self._output,
            nodes.Name: self._name,
            nodes.Getattr: self._getattr,
            nodes.Getitem: self._getitem,
            nodes.Test: self._test,
            nodes.Filter: self._filter,
            nodes.For: self._for,
            nodes.Concat: self._concat,
            nodes.Call: self._call,
            nodes.Macro: self._macro,
            nodes.EnvironmentAttribute: self._environment_attribute,
            nodes.ScopedEvalContextModifier: self._autoescape,
            **dict.fromkeys(_ELSEWHERE, self._elsewhere),
        }

    def get_visitor(self, node: nodes.Node) -> Visitor | None:
        """Ours where there is one."""
        return self._visitors.get(type(node)) or super().get_visitor(node)

    # Output: text that the author wrote is a named constant, everything else goes through `emit`.

    def _output(self, node: nodes.Output, frame: Frame) -> None:
        if frame.buffer is None and not self._inside:
            children = [child for child in node.nodes if self._is_structure(child)]
            if not children:
                return
            node = nodes.Output(children, lineno=node.lineno, environment=self.environment)
        self.visit_Output(node, frame)

    def _is_structure(self, child: nodes.Expr) -> bool:
        if isinstance(child, nodes.EnvironmentAttribute):
            return True
        if isinstance(child, nodes.Call) and isinstance(child.node, nodes.EnvironmentAttribute):
            return True
        if not isinstance(child, nodes.TemplateData):
            self.fail("a value stands outside the role tags; put it inside {% user %}...{% enduser %}", child.lineno)
        text = child.data.strip()
        if text:
            lines_before = child.data[: child.data.index(text)].count("\n")
            shown = repr(text if len(text) <= 40 else text[:40] + "...")
            self.fail(
                f"text outside the role tags: {shown}; put it inside {{% user %}}...{{% enduser %}}",
                child.lineno + lines_before,
            )
        return False

    def _output_const_repr(self, group: Iterable[Any]) -> str:
        return "environment." + self._own.keep("text", Authored("".join(group)))

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData | nodes.Const):
            raise nodes.Impossible
        return text_of(node.as_const(frame.eval_ctx))

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if not isinstance(node, nodes.EnvironmentAttribute):
            self.write("environment.emit(" if frame.buffer is None else "environment.text_of(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if not isinstance(node, nodes.EnvironmentAttribute):
            self.write(f", {self._label(node, frame)!r})")

    def _environment_attribute(self, node: nodes.EnvironmentAttribute, frame: Frame) -> None:
        value = getattr(self.environment, node.name)
        if frame.buffer is not None:
            self.fail("a role tag cannot stand inside a macro, call, filter, set or recursive loop block", node.lineno)
        if isinstance(value, Open | Close):
            self._inside = isinstance(value, Open)
        self.visit_EnvironmentAttribute(node, frame)

    # Columns: names that come from the row, and row["..."].

    def _name(self, node: nodes.Name, frame: Frame) -> None:
        if node.ctx == "load":
            self._need(node, frame)
        else:
            self._own.assigned.add(frame.symbols.ref(node.name))
        self.visit_Name(node, frame)

    def _getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        self._need(node, frame)
        self.visit_Getattr(node, frame)

    def _getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        self._need(node, frame)
        self.visit_Getitem(node, frame)

    def _test(self, node: nodes.Test, frame: Frame) -> None:
        if node.name in ("defined", "undefined"):
            self._own.optional.add(self._column(node.node, frame))
        self.visit_Test(node, frame)

    def _filter(self, node: nodes.Filter, frame: Frame) -> None:
        if node.name in ("default", "d") and node.node is not None:
            self._own.optional.add(self._column(node.node, frame))
        self.visit_Filter(node, frame)

    def _need(self, node: nodes.Expr, frame: Frame) -> None:
        column = self._column(node, frame)
        if column is None:
            return
        if isinstance(node, nodes.Name):
            self._own.loaded[column] = frame.symbols.ref(column)
        lines = self._own.column_lines
        lines[column] = min(node.lineno, lines.get(column, node.lineno))

    def _column(self, node: nodes.Expr, frame: Frame) -> str | None:
        """The column that `node` reads, if it reads one directly."""
        if isinstance(node, nodes.Name):
            known = node.name in self._own.reserved or node.name in self.environment.globals
            return None if known or not _is_resolved(node, frame) else node.name
        if not isinstance(node, nodes.Getattr | nodes.Getitem):
            return None
        if not (isinstance(node.node, nodes.Name) and node.node.name == "row" and _is_resolved(node.node, frame)):
            return None
        if isinstance(node, nodes.Getattr):
            return None if node.attr in _MAPPING_METHODS else node.attr
        return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None

    def _label(self, node: nodes.Expr, frame: Frame) -> str:
        column = self._column(node, frame)
        if column is not None:
            return f"column {column!r}"
        return repr(node.name) if isinstance(node, nodes.Name) else "the value"

    # Limits, and what templates cannot do.

    def _for(self, node: nodes.For, frame: Frame) -> None:
        count = nodes.EnvironmentAttribute("counted", lineno=node.lineno, environment=self.environment)
        node.iter = nodes.Call(count, [node.iter], [], None, None, lineno=node.lineno, environment=self.environment)
        self.visit_For(node, frame)

    def _concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.concatenate((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def _call(self, node: nodes.Call, frame: Frame, **kwargs: Any) -> None:
        called = node.node
        if isinstance(called, nodes.EnvironmentAttribute):
            self._own_call(called, node.args[0], frame)
        elif self._is_media(called):
            self._media_call(node, frame)
        else:
            self.visit_Call(node, frame, **kwargs)

    def _own_call(self, called: nodes.EnvironmentAttribute, value: nodes.Expr, frame: Frame) -> None:
        if called.name != "history":
            self.visit_EnvironmentAttribute(called, frame)
            self._write_value(value, frame, self._label(value, frame))
            self.write(")")
            return
        self._environment_attribute(called, frame)
        read = value.node if isinstance(value, nodes.Filter) and value.name == "fromjson" and value.node else value
        self._write_value(value, frame, self._label(read, frame))
        self.write(f", {called.lineno})")

    def _write_value(self, value: nodes.Expr, frame: Frame, label: str) -> None:
        self.write("(")
        self.visit(value, frame)
        self.write(f", {label!r}")

    # Pictures and documents: followed by a parenthesis their names are functions, elsewhere columns like any other.

    def _is_media(self, called: nodes.Node) -> bool:
        return self._own.has_roles and isinstance(called, nodes.Name) and called.name in MEDIA_OPTIONS

    def _media_call(self, node: nodes.Call, frame: Frame) -> None:
        name = cast(nodes.Name, node.node).name
        known = MEDIA_OPTIONS[name]
        options = {keyword.key: keyword.value for keyword in node.kwargs}
        for key in options.keys() - known:
            taken = f"the options {', '.join(sorted(known))}" if known else "no options"
            self.fail(f"{name}(...) takes one value and {taken}, not {key!r}", node.lineno)
        text = options.pop("text", None)
        values = node.args if text is None else [*node.args, text]
        if len(values) != 1 or node.dyn_args is not None or node.dyn_kwargs is not None:
            self.fail(f"{name}(...) takes one value, as {{{{ {name}(column) }}}}", node.lineno)
        self.write(f"environment.{name if text is None else 'text_document'}")
        self._write_value(values[0], frame, self._label(values[0], frame))
        for key, option in options.items():
            self.write(f", {key}=")
            self.visit(option, frame)
        self.write(")")

    def _macro(self, node: nodes.Macro, frame: Frame) -> None:
        if self._own.has_roles and node.name in MEDIA_OPTIONS:
            self.fail(f"{node.name}(...) has its meaning already; give the macro another name", node.lineno)
        self.visit_Macro(node, frame)

    def _elsewhere(self, node: nodes.Node, frame: Frame) -> None:
        self.fail("a template stands alone: include, import, extends and block are not available", node.lineno)

    def _autoescape(self, node: nodes.Node, frame: Frame) -> None:
        self.fail("a prompt is not HTML: autoescape is not available", node.lineno)


def _is_resolved(name: nodes.Name, frame: Frame) -> bool:
    """Whether `name` is looked up in the row, rather than set by the template."""
    load = frame.symbols.find_load(frame.symbols.ref(name.name))
    return load is not None and load[0] == VAR_LOAD_RESOLVE
