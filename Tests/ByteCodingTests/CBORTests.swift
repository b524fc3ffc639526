import AdapterTesting
import ByteCoding
import Testing

/// RFC 8949, section 4.2.1 (deterministic encoding) and appendix A (examples).
struct CBORTests {
    static let examples: [(String, MetadataValue)] = [
        ("00", .integer(0)), ("01", .integer(1)), ("0a", .integer(10)), ("17", .integer(23)), ("1818", .integer(24)),
        ("1819", .integer(25)), ("1864", .integer(100)), ("1903e8", .integer(1000)),
        ("1a000f4240", .integer(1_000_000)),
        ("1b000000e8d4a51000", .integer(1_000_000_000_000)), ("20", .integer(-1)), ("29", .integer(-10)),
        ("3863", .integer(-100)), ("3903e7", .integer(-1000)), ("f90000", .double(0)), ("f98000", .double(-0.0)),
        ("f93c00", .double(1)), ("fb3ff199999999999a", .double(1.1)), ("f93e00", .double(1.5)),
        ("f97bff", .double(65504)),
        ("fa47c35000", .double(100_000)), ("fa7f7fffff", .double(3.4028234663852886e+38)),
        ("fb7e37e43c8800759c", .double(1e300)), ("f90001", .double(5.960464477539063e-8)),
        ("f90400", .double(0.00006103515625)), ("f9c400", .double(-4)), ("fbc010666666666666", .double(-4.1)),
        ("f97c00", .double(.infinity)), ("f97e00", .double(.nan)), ("f9fc00", .double(-.infinity)),
        ("f4", .bool(false)),
        ("f5", .bool(true)), ("f6", .null), ("60", .string("")), ("6161", .string("a")),
        ("6449455446", .string("IETF")),
        ("62225c", .string("\"\\")), ("62c3bc", .string("\u{FC}")), ("63e6b0b4", .string("\u{6C34}")),
        ("64f0908591", .string("\u{10151}")), ("80", .array([])), ("83010203", [1, 2, 3]),
        ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("98190102030405060708090a0b0c0d0e0f101112131415161718181819", .array((1...25).map { .integer($0) })),
        ("a0", .map([:])), ("a26161016162820203", ["a": 1, "b": [2, 3]]), ("826161a161626163", ["a", ["b": "c"]]),
        ("a56161614161626142616361436164614461656145", ["a": "A", "b": "B", "c": "C", "d": "D", "e": "E"]),
        // Beyond the appendix: the edges of every head and of the integers, and the order of keys by encoded bytes,
        // which puts the shorter key first.
        ("18ff", .integer(255)), ("190100", .integer(256)), ("19ffff", .integer(65_535)),
        ("1a00010000", .integer(65_536)),
        ("1affffffff", .integer(4_294_967_295)), ("1b0000000100000000", .integer(4_294_967_296)),
        ("1b7fffffffffffffff", .integer(.max)), ("3b7fffffffffffffff", .integer(.min)), ("37", .integer(-24)),
        ("3818", .integer(-25)), ("38ff", .integer(-256)), ("390100", .integer(-257)),
        ("a36162026163f662616101", ["aa": 1, "b": 2, "c": nil]),
    ]

    @Test(arguments: examples) func `every value has the encoding of the standard`(
        hexadecimal: String, value: MetadataValue
    )
        throws
    {
        let bytes = try Hexadecimal.bytes(hexadecimal)
        #expect(try CBOR.encode(value) == bytes)
        let decoded = try CBOR.decode(bytes)
        if case .double(let number) = value, number.isNaN {
            guard case .double(let again) = decoded else {
                throw ByteCodingError(.invalidCBOR, "no NaN", byteOffset: 0)
            }
            #expect(again.isNaN)
        } else {
            #expect(RandomMetadata.areIdentical(decoded, value), "\(decoded)")
        }
    }

    @Test(arguments: [
        // Heads that are longer than they must be.
        "1817", "190001", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3800", "3900ff", "7800", "780161", "79000161",
        "9800",
        "980100", "b800", "b90000",
        // Indefinite lengths and reserved heads.
        "5f42010243030405ff", "7f657374726561646d696e67ff", "7fff", "9fff", "9f01ff", "bfff", "bf6161f6ff", "1c", "1d",
        "1e",
        "1f", "3f", "7c", "9c", "bd", "ff", "fc", "fd", "fe",
        // Types and simple values outside the subset.
        "40", "4401020304", "c074323031332d30332d32315432303a30343a30305a", "c11a514b67b0", "c249010000000000000000",
        "d818456449455446", "f0", "f7", "f818", "f8ff", "f814", "f815", "f816", "e0", "f3",
        // Integers of more than 64 bits with their sign.
        "1bffffffffffffffff", "1b8000000000000000", "3bffffffffffffffff", "3b8000000000000000",
        // Floating-point numbers that fit a narrower width.
        "fa00000000", "fa80000000", "fa3f800000", "fa477fe000", "fa7f800000", "faff800000", "fa33800000",
        "fb0000000000000000", "fb3ff0000000000000", "fb40f86a0000000000", "fb7ff0000000000000", "fbfff0000000000000",
        // Every NaN but the one.
        "f97e01", "f97c01", "f97fff", "f9fe00", "f9fc01", "fa7fc00000", "fa7f800001", "fb7ff8000000000000",
        "fb7ff0000000000001",
        // Keys: not text, not ascending (the bytes of the whole key decide, so short before long), twice.
        "a10102", "a1f6f6", "a18000", "a2616201616102", "a262616101616202", "a2616101616102", "a260016002",
        // The same letter in two spellings.
        "a26365cc810162c3a902", "a262c3a9016365cc8102",
        // Text that is not UTF-8.
        "61ff", "62c328", "62c080", "63eda080", "64f4908080", "61c3", "a161fff6",
        // Bytes after the value, and nothing at all.
        "0000", "f6f6", "8000", "a0a0", "",
    ])
    func `bytes that are not deterministic or not of the subset are refused`(hexadecimal: String) throws {
        let bytes = try Hexadecimal.bytes(hexadecimal)
        #expect(throws: ByteCodingError.self) { try CBOR.decode(bytes) }
    }

    @Test(arguments: [
        "3a7fffffff", "3b0000000080000000", "9affffffff", "9bffffffffffffffff", "9b7fffffffffffffff",
        "9b0000000100000000",
        "bbffffffffffffffff", "bb7fffffffffffffff", "bb4000000000000000", "7bffffffffffffffff", "7b7fffffffffffffff",
        "7a7fffffff61", "820102ff", "8201", "a16161", "a2616101", "6261", "18", "19ff", "1affffff", "1bffffffffffffff",
        "f9", "f97c", "fa7f8000", "fb7ff00000000000",
    ])
    func `counts beyond the input are refused without an allocation`(hexadecimal: String) throws {
        let bytes = try Hexadecimal.bytes(hexadecimal)
        if let value = try? CBOR.decode(bytes) {
            // The first two entries are whole integers; everything else is cut off.
            #expect(hexadecimal.hasPrefix("3") && value.integer != nil)
        }
    }

    @Test func `errors name the byte in the whole input`() throws {
        for (hexadecimal, offset) in [
            ("8301ff03", 2), ("a2616101616102", 4), ("0000", 1), ("82011817", 2), ("62ff61", 1),
        ] {
            let bytes = try Hexadecimal.bytes(hexadecimal)
            let error = #expect(throws: ByteCodingError.self) { try CBOR.decode(bytes, baseOffset: 100) }
            #expect(error?.byteOffset == 100 + offset, "\(hexadecimal)")
        }
    }

    // MARK: Depth

    private func nested(_ levels: Int, in map: Bool, innermost: MetadataValue) -> MetadataValue {
        (0..<levels).reduce(innermost) { value, _ in map ? .map(["a": value]) : .array([value]) }
    }

    private func bytes(_ levels: Int, in map: Bool, innermost: UInt8) -> [UInt8] {
        (0..<levels).flatMap { _ in map ? [0xA1, 0x61, 0x61] : [0x81] } + [innermost]
    }

    @Test(arguments: [true, false]) func `arrays and maps nest up to the limit`(map: Bool) throws {
        let limit = CBOR.maximumDepth
        for (innermost, value, levels) in [
            (0x01, .integer(1), limit), (0x80, .array([]), limit - 1), (0xA0, .map([:]), limit - 1),
        ]
            as [(UInt8, MetadataValue, Int)]
        {
            #expect(
                try CBOR.decode(bytes(levels, in: map, innermost: innermost))
                    == nested(levels, in: map, innermost: value))
            #expect(
                try CBOR.encode(nested(levels, in: map, innermost: value))
                    == bytes(levels, in: map, innermost: innermost))
            let error = #expect(throws: ByteCodingError.self) {
                try CBOR.decode(bytes(levels + 1, in: map, innermost: innermost))
            }
            #expect(error?.code == .limitExceeded)
        }
    }

    @Test(arguments: [true, false]) func `what no reader accepts is not written`(map: Bool) {
        let error = #expect(throws: ByteCodingError.self) {
            try CBOR.encode(nested(CBOR.maximumDepth + 1, in: map, innermost: 1))
        }
        #expect(error?.code == .limitExceeded)
    }

    @Test func `a million brackets do not exhaust the stack`() {
        let error = #expect(throws: ByteCodingError.self) {
            try CBOR.decode([UInt8](repeating: 0x81, count: 1_000_000))
        }
        #expect(error?.code == .limitExceeded)
    }

    // MARK: Properties

    private static let document: MetadataValue = [
        "r": 8, "alpha": -1.5, "third": 0.1, "é": "水\n", "t": [true, false, nil, [:], 1000, -70_000],
        "n": ["x": [[0.0]]],
        "long": "a text of more than twenty-three bytes", "single": .double(0x1p-100),
    ]

    @Test func `every truncation is refused`() throws {
        let bytes = try CBOR.encode(Self.document)
        #expect(try CBOR.decode(bytes) == Self.document)
        for count in bytes.indices {
            #expect(throws: ByteCodingError.self, "first \(count) bytes") { try CBOR.decode(Array(bytes[..<count])) }
        }
    }

    @Test func `no changed byte traps, and what is still accepted is in the one encoding of its value`() throws {
        let bytes = try CBOR.encode(Self.document)
        for index in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = bytes
                changed[index] = byte
                guard let value = try? CBOR.decode(changed) else { continue }
                #expect(try CBOR.encode(value) == changed, "byte \(index) = \(byte)")
            }
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>) func `random bytes are refused or in the one encoding`(seed: UInt64) throws
    {
        var generator = SeededGenerator(seed: seed)
        // Heads that are common in documents, so that random bytes get somewhere.
        let alphabet: [UInt8] = [
            0, 1, 0x17, 0x18, 0x19, 0x20, 0x60, 0x61, 0x62, 0x63, 0x78, 0x80, 0x81, 0x82, 0x98, 0xA0, 0xA1, 0xA2, 0xC3,
            0xA9,
            0xCC, 0xF4, 0xF6, 0xF9, 0xFA, 0xFB, 0x7E, 0x7C, 0x3C, 0xFF,
        ]
        var accepted = 0
        for _ in 0..<20_000 {
            let count = Int.random(in: 1...10, using: &generator)
            let bytes = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            guard let value = try? CBOR.decode(bytes) else { continue }
            accepted += 1
            #expect(try CBOR.encode(value) == bytes, "\(bytes)")
        }
        #expect(accepted > 0)
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func `random values are read again bit for bit`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let value = RandomMetadata.value(depth: 4, using: &generator)
            let decoded = try CBOR.decode(CBOR.encode(value))
            #expect(RandomMetadata.areIdentical(decoded, value), "\(value)")
        }
    }

    @Test func `every binary16 number takes three bytes, its neighbours in wider types more`() throws {
        for pattern in UInt16.min...UInt16.max {
            let value = Double(Float16(bitPattern: pattern))
            let bytes = try CBOR.encode(.double(value))
            if value.isNaN {
                #expect(bytes == [0xF9, 0x7E, 0x00])
            } else {
                #expect(bytes == [0xF9, UInt8(pattern >> 8), UInt8(pattern & 0xFF)])
                guard value.isFinite else { continue }
                #expect(try CBOR.encode(.double(Double(Float(value).nextUp))).count == 5)
                #expect(try CBOR.encode(.double(value.nextUp)).count == 9)
            }
        }
    }
}
