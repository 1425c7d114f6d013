"""What one request may ask for, so that nobody can tie up a port that others share.

A document is measured as it would be answered, fragments spread out, in time linear in its length:
a few fragments that include each other twice describe millions of fields.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql.validation import ValidationContext, ValidationRule
from strawberry.extensions import AddValidationRules, MaxTokensLimiter, SchemaExtension

MOST_TOKENS = 2000
MOST_FIELDS = 1000  # after fragments are spread out
DEEPEST = 16  # the standard introspection query is 15 deep
MOST_ROWS = 5000  # asked for by all lists of one request together
LARGEST_FIRST = 500  # items of one list
LARGEST_BODY = 512 * 1024  # bytes: a strategy file, were each of its bytes written as six


@dataclass(frozen=True, slots=True)
class Size:
    """What a part of a document amounts to."""

    fields: int = 0
    depth: int = 0


class LimitSize(ValidationRule):
    """Refuse operations with too many fields, too deep, or with fragments that never end."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.fragments: dict[str, FragmentDefinitionNode] = {}
        self.measured: dict[str, Size] = {}
        self.open: set[str] = set()
        definitions = context.document.definitions
        for definition in definitions:
            if isinstance(definition, FragmentDefinitionNode):
                self.fragments[definition.name.value] = definition
        for definition in definitions:
            if isinstance(definition, OperationDefinitionNode):
                self.judge(definition)

    def judge(self, operation: OperationDefinitionNode) -> None:
        size = self.measure(operation.selection_set)
        for name, found, most in (
            ("fields", size.fields, MOST_FIELDS),
            ("depth", size.depth, DEEPEST),
        ):
            if found > most:
                self.report_error(GraphQLError(f"{name} was {found}, must be at most {most}"))

    def measure(self, selections: SelectionSetNode) -> Size:
        parts = list(self.parts(selections))
        return Size(
            min(MOST_FIELDS + 1, sum(part.fields for part in parts)),
            max((part.depth for part in parts), default=0),
        )

    def parts(self, selections: SelectionSetNode) -> Iterator[Size]:
        for node in selections.selections:
            if isinstance(node, FragmentSpreadNode):
                yield self.spread(node.name.value)
            elif isinstance(node, FieldNode):
                inner = Size() if node.selection_set is None else self.measure(node.selection_set)
                yield Size(inner.fields + 1, inner.depth + 1)
            elif isinstance(node, InlineFragmentNode):
                yield self.measure(node.selection_set)

    def spread(self, name: str) -> Size:
        fragment = self.fragments.get(name)
        if fragment is None or name in self.open:
            return Size()  # unknown, or a cycle: other rules refuse both
        if name not in self.measured:
            self.open.add(name)
            self.measured[name] = self.measure(fragment.selection_set)
            self.open.discard(name)
        return self.measured[name]


def extensions() -> list[Callable[[], SchemaExtension]]:
    """Give the makers of the schema extensions that hold a request to these limits."""
    return [lambda: MaxTokensLimiter(MOST_TOKENS), lambda: AddValidationRules([LimitSize])]
