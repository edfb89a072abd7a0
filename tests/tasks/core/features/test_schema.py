"""The hash of a feature service's schema."""

import hashlib

from tasks.core.features.schema import compute_schema_hash


def test_the_hash_is_of_names_and_types_in_order_of_the_names() -> None:
    text = b'[["budget","Int64"],["runtime","Float64"]]'
    assert compute_schema_hash([("runtime", "Float64"), ("budget", "Int64")]) == hashlib.sha256(text).hexdigest()


def test_another_type_or_name_is_another_hash() -> None:
    schemas = [[("a", "Float64")], [("a", "Int64")], [("b", "Float64")], [("a", "Float64"), ("b", "Float64")], []]
    assert len({compute_schema_hash(schema) for schema in schemas}) == len(schemas)
