"""Programs as Wengert lists: the list itself, primitives, rules, and the tracer."""
