"""Mutations of bytes, experiments and tables.

Each function takes a valid input and a generator, and returns an input that may be invalid.
"""

import copy
import datetime
import tomllib

import numpy as np
import pyarrow as pa
import tomli_w

from alrun.results.schema import SCHEMA_VERSION

TEXTS = [
    *("", " ", "x", "nan", "true", "-1", "0", "1e999", "None", "random", "iris", "logistic"),
    *("x" * 20_000, "a\x00b", "\x1b[31mred\x1b[0m", "two\nlines", "tab\t", "\u2028", "\u202egnp"),
    *("🦊", "é", "e\u0301"),
    *("../../../etc/passwd", "/etc/passwd", "/", ".", "..", "~/", "/dev/zero"),
    *("openml:", "idx:", "idx:/", "idx:images/", "texts/", "http://localhost/x.csv", "flowers.csv"),
    *("arrays.npz:X", "skactiveml:Nothing", "skactiveml:Quire", "mine.py:nothing", "nowhere.py:x"),
    *("joblib.load", "os.system", "sklearn.svm.SVR", "sklearn.svm.", ":", ".", "a:b:c", "pickle"),
    *("$\\frac{", "[/bold]", "%s%n", "{0}", "a|b", "<b>", '"', "'", "=1+1", "a,b"),
]
NUMBERS = [
    *(0, 1, -1, 2, 3, 10, 1000, 10**6, 2**31 - 1, 2**31, 2**63, 10**12, 10**30, 10**400),
    *(0.0, -0.0, 0.5, 1.0, 1.5, -2.5, 1e-300, 1e-9, 1e9, 1e300),
    *(float("nan"), float("inf"), float("-inf")),
]
OTHERS = [
    *(True, False, [], {}, [[]], [{}], [None], {"": 1}, {"name": "random"}, [1, "a"], [1.5, 2]),
    *(datetime.date(2020, 2, 29), datetime.datetime(2020, 1, 1, 12), datetime.time(1, 2)),
    *(list(range(3000)), ["random"] * 3000, [f"s{n}" for n in range(3000)], [0, 1, 2], ["a", "b"]),
]
KEYS = [
    *("name", "label", "target", "text", "positive", "subsample", "splits", "scale", "test_size"),
    *("per_seed", "per_class", "size", "method", "file", "steps", "C", "class_weight", "replica"),
    *("read", "sep", "decimal", "encoding", "na_values", "header", "missing", "columns", "drop"),
    *("missing_indicator", "bins", "rare", "rare_below", "stratify", "test", "ceiling"),
    *("skip_impossible", "fallback", "model_scores", "targets"),
    *("n_samples", "ngram_range", "version", "memory", "random_state", "n_jobs", "max_seeds"),
    *("until_halfwidth", "metric", "seeds", "budget", "dataset", "model", "initial", "strategies"),
]


def pick(rng, values):
    """Return one of the values at random."""
    return values[int(rng.integers(len(values)))]


def mutated_bytes(content, rng):
    """Flip, cut, insert, repeat or overwrite some bytes, once or a few times."""
    content = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(content) + 1))
        n = int(rng.integers(1, pick(rng, [2, 9, 65])))
        kind = pick(rng, ["flip", "flip", "cut", "end", "insert", "repeat", "zero", "char"])
        if kind == "flip" and at < len(content):
            content[at] ^= 1 << int(rng.integers(8))
        elif kind == "cut":
            del content[at : at + n]
        elif kind == "end" and rng.random() < 0.3:
            del content[at:]
        elif kind == "insert":
            content[at:at] = rng.bytes(n)
        elif kind == "repeat":
            content[at:at] = content[at : at + n] * int(rng.integers(1, 4))
        elif kind == "zero":
            content[at : at + n] = bytes(len(content[at : at + n]))
        elif kind == "char" and at < len(content):
            content[at] = pick(rng, b'=[]{}",.:#-+\n\r\t 019eE_\xff')
    return bytes(content)


def with_a_bit_flipped(content, rng):
    """Return bytes with one bit flipped, as a bad disk may return them."""
    content = bytearray(content)
    content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    return bytes(content)


def flipping_bits(path, step):
    """Flip one bit of a Parquet file's pages at a time, every `step` bytes; yield its position."""
    content = path.read_bytes()
    n_in_pages = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    for place in range(4, n_in_pages, step):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        yield place


def mutated_toml(text, rng):
    """Change keys and values of an experiment, now and then its bytes or lines too."""
    if rng.random() < 0.2:
        return mutated_bytes(text.encode(), rng)
    if rng.random() < 0.1:  # repeat a line or a table
        lines = text.splitlines()
        lines.insert(int(rng.integers(len(lines))), pick(rng, lines))
        return "\n".join(lines).encode()
    content = tomllib.loads(text)
    for _ in range(int(rng.integers(1, pick(rng, [2, 2, 4])))):
        _change_somewhere(content, rng)
    return _dumped(content)


def _dumped(content):
    """Return a tree as TOML, without values that TOML does not have."""
    try:
        return tomli_w.dumps(content).encode()
    except (TypeError, ValueError, RecursionError):
        return b"seeds = " + b"[" * 100


def _places(tree):
    """Yield container and key of every value in a tree."""
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in list(entries):
        yield tree, key
        if isinstance(value, dict | list) and len(value) < 100:
            yield from _places(value)


def _change_somewhere(content, rng):
    places = list(_places(content))
    if not places:
        return
    container, key = pick(rng, places)
    value = container[key]
    kind = pick(rng, ["value", "value", "value", "drop", "key", "other", "wrap", "add", "more"])
    if kind == "value":
        container[key] = mutated_value(value, rng)
    elif kind == "drop":
        del container[key]
    elif kind == "key" and isinstance(container, dict):
        container[pick(rng, [pick(rng, KEYS), pick(rng, TEXTS), slip(key, rng)])] = value
        if rng.random() < 0.8:
            container.pop(key)
    elif kind == "other":
        other, name = pick(rng, places)
        container[key] = copy.deepcopy(other[name])
    elif kind == "wrap":
        container[key] = _wrapped(value, rng)
    elif kind == "add" and isinstance(container, dict):
        container[pick(rng, KEYS)] = anything(rng)
    elif kind == "more" and isinstance(value, list):
        value.extend(copy.deepcopy(value[:1]) * pick(rng, [1, 2, 2000]))


def _wrapped(value, rng):
    if isinstance(value, list | dict) and value and rng.random() < 0.5:
        return next(iter(value.values() if isinstance(value, dict) else value))
    for _ in range(pick(rng, [1, 1, 2, 150])):
        value = [value] if rng.random() < 0.7 else {pick(rng, KEYS): value}
    return value


def mutated_value(value, rng):
    """Return a value near another one, or any value."""
    if rng.random() < 0.3:
        return anything(rng)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return pick(rng, [-value, value + 1, value * 10, value * 10**6, float(value), str(value)])
    if isinstance(value, float):
        return pick(rng, [-value, value * 1e6, value / 1e6, round(value), str(value)])
    return slip(value, rng) if isinstance(value, str) else anything(rng)


def anything(rng):
    """Return a value of any kind."""
    return copy.deepcopy(pick(rng, pick(rng, [TEXTS, NUMBERS, OTHERS])))


def slip(text, rng):
    """Return a text with a typing error, or changed into another path."""
    at = int(rng.integers(len(text) + 1))
    return pick(
        rng,
        [
            text[:at] + text[at + 1 :],
            text[:at] + pick(rng, "aZ_. /:\n\x07é") + text[at:],
            text.upper(),
            text * 2,
            f"../{text}",
            f"/{text}",
            f"./{text}",
            f"{text}/",
            f"{text}\x00",
        ],
    )


FIELDS = [
    *("", " ", "NA", "nan", "inf", "-inf", "None", "1e400", "1e5", "-0", "0x10", "1_000", "True"),
    *("1.5", "abc", "é", "🦊", '"', "a,b", "two\nlines", "\x00", "2020-01-01", "9" * 30, "007"),
]


def mutated_csv(text, rng):
    """Change fields, rows or the header of a table, or its bytes."""
    if rng.random() < 0.3:
        return mutated_bytes(text.encode(), rng)
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(rows)))
        if not rows[at]:
            continue
        column = int(rng.integers(len(rows[at])))
        kind = pick(rng, ["field", "field", "quoted", "drop", "more", "twice", "blank", "column"])
        if kind == "field":
            rows[at][column] = pick(rng, FIELDS)
        elif kind == "quoted":
            rows[at][column] = f'"{pick(rng, FIELDS)}"'
        elif kind == "drop":
            del rows[at][column]
        elif kind == "more":
            rows[at].append(pick(rng, FIELDS))
        elif kind == "twice":
            rows.insert(int(rng.integers(1, len(rows) + 1)), list(rows[at]))
        elif kind == "blank":
            rows.insert(at, [])
        elif kind == "column":
            value = pick(rng, FIELDS)
            for row in rows[1:]:
                if column < len(row):
                    row[column] = value
    end = pick(rng, ["\n", "\n", "\r\n"])
    return pick(rng, ["", "", "", "\ufeff"]).encode() + end.join(map(",".join, rows)).encode()


def mutated_table(table, rng):
    """Change columns of a pyarrow table: names, types, values, order, metadata."""
    for _ in range(int(rng.integers(1, 3))):
        if not table.num_columns or not table.num_rows:
            return table
        at = int(rng.integers(table.num_columns))
        name, column = table.column_names[at], table.column(at)
        kind = pick(
            rng, ["value", "value", "type", "type", "drop", "name", "rows", "twice", "null"]
        )
        if kind == "drop":
            table = table.remove_column(at)
        elif kind == "name":
            names = [*table.column_names]
            names[at] = pick(rng, [slip(name, rng), pick(rng, names), pick(rng, TEXTS)])
            table = table.rename_columns(names)
        elif kind == "rows":
            rows = rng.integers(table.num_rows, size=pick(rng, [0, 1, 2, table.num_rows]))
            table = pa.concat_tables([table.slice(row, 1) for row in rows] or [table.slice(0, 0)])
        elif kind == "twice":
            table = pa.concat_tables([table, table.slice(0, int(rng.integers(table.num_rows)))])
        else:
            changed = _changed_column(column, kind, rng)
            if changed is not None:
                table = table.set_column(at, name, changed)
    if rng.random() < 0.15:
        newer = str(SCHEMA_VERSION + 1)
        metadata = pick(rng, [{"schema_version": newer}, {"schema_version": "x"}, {"pandas": "{}"}])
        table = table.replace_schema_metadata(metadata)
    return table


_TYPES = [
    *(pa.string(), pa.large_string(), pa.binary()),
    *(pa.int8(), pa.int64(), pa.uint64(), pa.float16()),
    *(pa.float32(), pa.float64(), pa.bool_(), pa.null(), pa.date32(), pa.timestamp("ns")),
    *(pa.decimal128(12, 3), pa.dictionary(pa.int8(), pa.string()), pa.list_(pa.float64())),
    *(pa.struct([("a", pa.int64())]), pa.duration("s")),
]


def _changed_column(column, kind, rng):
    values = column.to_pylist()
    at = int(rng.integers(len(values)))
    try:
        if kind == "null":
            values[at] = None
            return pa.array(values, column.type)
        if kind == "type":
            return column.cast(pick(rng, _TYPES))
        values[at] = pick(rng, [anything(rng), mutated_value(values[at], rng)])
        return pa.array(values, pick(rng, [column.type, None]))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None


def mutated_arrays(arrays, rng):
    """Change the arrays of an archive: names, types, shapes and values; objects are pickled."""
    arrays = dict(arrays)
    key = pick(rng, list(arrays))
    value = arrays[key]
    kind = pick(rng, ["drop", "name", "type", "shape", "value", "cut"])
    if kind in ("drop", "name"):
        del arrays[key]
        if kind == "name":
            arrays[pick(rng, ["x", "Y", "X", "y", "a/b", ""])] = value
    elif kind == "type":
        types = ["f2", "f4", "i1", "u8", "c16", "U8", "S8", "O", "?", ">f8", "M8[s]", "m8[s]"]
        with np.errstate(all="ignore"):
            arrays[key] = value.astype(pick(rng, types))
    elif kind == "shape":
        shapes = [value.ravel(), value[None], value[..., None], value[:0], value[0], value.T]
        arrays[key] = pick(rng, shapes)
    elif kind == "cut":
        arrays[key] = value[: int(rng.integers(len(value)))]
    else:
        arrays[key] = value.astype(float)
        arrays[key].flat[int(rng.integers(value.size))] = pick(rng, [np.nan, np.inf, 1e308, 0.5])
    return arrays
