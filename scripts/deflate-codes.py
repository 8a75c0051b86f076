#!/usr/bin/env python3
"""Makes src/wire/deflate/trained.rs: the codes of the gzip streams of packs.

    scripts/deflate-codes.py EXPOSITION... > src/wire/deflate/trained.rs

Each file is an exposition in text 0.0.4. Its samples become records as the agent writes them, the records become
matches and bytes by the choices of `Deflater` in src/wire/deflate/mod.rs, which `Choices` follows step by step. The
symbols are counted, each file with the same weight, and the best code lengths for the sum are made. Bytes that no file
has still get a code: real values have any bits.

On stderr: bytes a sample with these codes, with the codes of the standard, and with codes made for each pack.
"""
import collections
import re
import struct
import sys

WORTH, WINDOW, HEAD = 4, 32768, 3
TARGET = [("instance", "10.20.30.40:9100"), ("job", "node"), ("pcode", "1234")]
SYMBOLS, DISTANCES, LONGEST = 286, 30, 11
ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
SERIES = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples(path):
    """Name, labels and value of each sample that the server takes."""
    for line in open(path, encoding="utf8", errors="replace"):
        found = None if line.startswith("#") else SERIES.match(line)
        if found is None:
            continue
        try:
            value = float(found[3])
        except ValueError:
            continue
        if abs(value) < float("inf"):
            yield found[1], LABEL.findall(found[2] or ""), value


def text(words):
    data = words.encode()
    return (bytes([len(data)]) if len(data) <= 253 else b"\xff" + struct.pack(">H", len(data))) + data


def block(rows):
    """The bytes of a block and, for each record, where its pieces begin."""
    data, records = bytearray(HEAD), []
    target = b"".join(text(name) + text(value) for name, value in TARGET)
    for name, labels, value in rows:
        seams = [len(data)]
        data += b"\0" + text(name) + bytes([len(labels) + len(TARGET)])
        for label in labels:
            seams.append(len(data))
            data += text(label[0]) + text(label[1])
        seams.append(len(data))
        data += target
        seams.append(len(data))
        data += struct.pack(">qd", 1_700_000_000_000, value)
        records.append(seams)
    return bytes(data), records


def length_symbol(length):
    if length == 258:
        return 285, 0
    base, symbol = 3, 257
    while True:
        extra = 0 if symbol < 265 else (symbol - 257) // 4 - 1
        if length < base + (1 << extra):
            return symbol, extra
        base, symbol = base + (1 << extra), symbol + 1


def distance_symbol(distance):
    before = distance - 1
    if before < 2:
        return before, 0
    log = before.bit_length() - 1
    return 2 * log + (before >> (log - 1) & 1), log - 1


class Choices:
    """What `Deflater` writes for a block, counted."""

    def __init__(self, data, records):
        self.data, self.done = data, HEAD
        self.symbols, self.distances, self.extra = collections.Counter({256: 1}), collections.Counter(), 0
        seen, before = {}, []
        for seams, end in zip(records, [seams[0] for seams in records[1:]] + [len(data)]):
            self.record(seams, end, before, seen)
            before = seams

    def record(self, seams, end, before, seen):
        at, distance = self.done, 0
        for index, (seam, stop) in enumerate(zip(seams, seams[1:])):
            if at >= stop:
                continue
            distance, same = self.model(index, seam, at, stop, end, before, seen, distance)
            if same >= WORTH:
                at = self.repeat_from(at, same, distance)
            at = self.along(at, stop, end, distance) if distance else stop
        if at == seams[-1]:
            distance = self.near(at, before[-1]) if before else 0
        if distance:
            self.along(at, end, end, distance)
        self.literals(self.done, end)
        self.done = end

    def model(self, index, seam, at, stop, end, before, seen, under_way):
        piece = self.data[seam:stop]
        there, seen[piece] = self.near(seam, seen.get(piece, 0)), seam
        fresh = at == seam
        aligned = self.near(seam, before[index]) if fresh and index < len(before) else 0
        as_before = self.common(at, aligned, end) if aligned else 0
        if as_before >= stop - at:
            return aligned, as_before
        as_seen = self.common(at, there, end) if there and there != aligned else 0
        if as_seen >= WORTH and as_seen > as_before:
            return there, as_seen
        if as_before >= WORTH or index == 0 and as_before:
            return aligned, as_before
        return 0 if fresh else under_way, 0

    @staticmethod
    def near(seam, source):
        return seam - source if source and seam - source <= WINDOW else 0

    def common(self, at, distance, end):
        same = 0
        while at + same < end and self.data[at + same] == self.data[at + same - distance]:
            same += 1
        return same

    def along(self, at, stop, end, distance):
        while at < stop:
            same = self.common(at, distance, end)
            if same >= WORTH:
                at = self.repeat_from(at, same, distance)
                continue
            at = min(at + same + 1, stop)
            while at < stop and self.data[at] != self.data[at - distance]:
                at += 1
        return at

    def repeat_from(self, at, same, distance):
        more = 0
        while at - more > self.done and at - more - 1 - distance >= HEAD:
            if self.data[at - more - 1] != self.data[at - more - 1 - distance]:
                break
            more += 1
        self.literals(self.done, at - more)
        self.repeat(more + same, distance)
        self.done = at + same
        return self.done

    def literals(self, start, end):
        piece = self.data[start:end]
        zeros = len(piece) - len(piece.rstrip(b"\0"))
        run = zeros - 1 if zeros > WORTH else 0
        self.symbols.update(piece[: len(piece) - run])
        if run:
            self.repeat(run, 1)

    def repeat(self, length, distance):
        while length > 0:
            taken = length if length <= 258 else 255 if length < 261 else 258
            symbol, extra = length_symbol(taken)
            other, more = distance_symbol(distance)
            self.symbols[symbol] += 1
            self.distances[other] += 1
            self.extra += extra + more
            length -= taken

    def bits(self, symbols, distances):
        return (
            self.extra
            + sum(symbols[symbol] * count for symbol, count in self.symbols.items())
            + sum(distances[symbol] * count for symbol, count in self.distances.items())
        )


def code_lengths(counts, longest):
    """Best code lengths of at most `longest` bits, by package and merge."""
    single = sorted((count, (symbol,)) for symbol, count in counts.items() if count > 0)
    rows = []
    for _ in range(longest):
        both = sorted(single + rows, key=lambda row: row[0])
        rows = [(a[0] + b[0], a[1] + b[1]) for a, b in zip(both[::2], both[1::2])]
    lengths = collections.Counter()
    for _, symbols in rows[: len(single) - 1]:
        lengths.update(symbols)
    return lengths


def canonical(lengths):
    code, codes = 0, {}
    for bits in range(1, 16):
        code <<= 1
        for symbol in sorted(symbol for symbol in lengths if lengths[symbol] == bits):
            codes[symbol] = (int(format(code, f"0{bits}b")[::-1], 2), bits)
            code += 1
    return codes


def runs(lengths):
    """Code lengths as DEFLATE tells them: symbol, extra bits, how many of those."""
    at = 0
    while at < len(lengths):
        value, count = lengths[at], 1
        while at + count < len(lengths) and lengths[at + count] == value:
            count += 1
        at += count
        yield value, 0, 0
        count -= 1
        while count >= 3:
            taken = min(count, 6)
            yield 16, taken - 3, 2
            count -= taken
        for _ in range(count):
            yield value, 0, 0


def header(symbols, distances):
    """The bits of the block's head: last block, its own codes, their lengths."""
    told = list(runs(symbols + distances))
    counts = collections.Counter(symbol for symbol, _, _ in told)
    lengths = code_lengths(counts, 7)
    used = max(index for index, symbol in enumerate(ORDER) if lengths[symbol]) + 1
    codes, bits = canonical(lengths), []
    parts = [(0b101, 3), (SYMBOLS - 257, 5), (DISTANCES - 1, 5), (used - 4, 4)]
    parts += [(lengths[symbol], 3) for symbol in ORDER[:used]]
    for symbol, extra, count in told:
        parts += [codes[symbol], (extra, count)]
    for value, count in parts:
        bits += [value >> bit & 1 for bit in range(count)]
    return bits


def rows(items):
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > 118:
            lines.append(line)
            line = "   "
        line += f" {item},"
    return "\n".join(lines + [line])


def main(paths):
    symbols, distances, packs = collections.Counter(), collections.Counter(), []
    for path in paths:
        all_rows = list(samples(path))
        for start in range(0, len(all_rows), 1000):
            part = all_rows[start : start + 1000]
            if len(part) < 50:
                continue
            choices = Choices(*block(part))
            packs.append((choices, len(part)))
            for counter, counted in ((symbols, choices.symbols), (distances, choices.distances)):
                for symbol, count in counted.items():
                    counter[symbol] += 1000 * count / len(all_rows)
    if not packs:
        sys.exit(__doc__)
    # bytes of values have no pattern: neighbours share their weight, and none is too rare
    for group in [range(128, 256)] + [range(first, min(first + 4, 32)) for first in range(1, 32, 4)]:
        mean = sum(symbols[symbol] for symbol in group) / len(group)
        symbols.update({symbol: mean - symbols[symbol] for symbol in group})
    least, least_distance = sum(symbols.values()) * 3e-4, sum(distances.values()) * 2e-3
    best = code_lengths({symbol: max(symbols[symbol], least) for symbol in range(SYMBOLS)}, LONGEST)
    far = code_lengths({symbol: max(distances[symbol], least_distance) for symbol in range(DISTANCES)}, LONGEST)
    lengths, far_lengths = [best[symbol] for symbol in range(SYMBOLS)], [far[symbol] for symbol in range(DISTANCES)]
    bits = header(lengths, far_lengths)
    words = [bits[start : start + 32] for start in range(0, len(bits), 32)]
    tell(packs, best, far, len(bits))
    words = [f"(0x{sum(bit << index for index, bit in enumerate(word)):08x}, {len(word)})" for word in words]
    template = TEMPLATE.replace("COUNT", str(len(words))).replace("HEADER_ROWS", rows(words))
    template = template.replace("SYMBOL_ROWS", rows(map(str, lengths)))
    print(template.replace("DISTANCE_ROWS", rows(map(str, far_lengths))), end="")


def tell(packs, best, far, head):
    fixed = {s: 8 if s < 144 else 9 if s < 256 else 7 if s < 280 else 8 for s in range(SYMBOLS)}
    count, totals = sum(count for _, count in packs), collections.Counter()
    for choices, _ in packs:
        totals["these codes"] += choices.bits(best, far) + head
        totals["the standard's"] += choices.bits(fixed, collections.defaultdict(lambda: 5))
        own = code_lengths(choices.symbols, 15), code_lengths(choices.distances, 15)
        totals["each pack's own"] += choices.bits(*own) + head
    for name, bits in totals.items():
        print(f"{name}: {bits / 8 / count:.2f} bytes a sample", file=sys.stderr)


TEMPLATE = """\
//! The codes of the one block: made once, from what records look like.
//!
//! `scripts/deflate-codes.py` counted the symbols that [`super::Deflater`] writes for the expositions of some forty
//! exporters, each with the same weight, and made the best code lengths for the sum. No byte, length or distance is
//! without a code. A pack's own best codes would save another six in a hundred, and take a second pass.

use super::codes::{Codes, DISTANCES, SYMBOLS};

/// Bits of the head of the block: it is the last one, its codes follow, then their lengths.
pub(super) const HEADER: [(u32, u8); COUNT] = [
HEADER_ROWS
];

/// The codes that [`HEADER`] tells.
pub(super) static CODES: Codes = Codes::new(&SYMBOL_BITS, &DISTANCE_BITS);

#[rustfmt::skip]
const SYMBOL_BITS: [u8; SYMBOLS] = [
SYMBOL_ROWS
];

#[rustfmt::skip]
const DISTANCE_BITS: [u8; DISTANCES] = [
DISTANCE_ROWS
];
"""

if __name__ == "__main__":
    main(sys.argv[1:])
