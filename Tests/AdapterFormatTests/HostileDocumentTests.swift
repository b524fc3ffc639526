import AdapterFormat
import Testing

/// `META`, `NOTE` and `PROV` that are not what sections 4.6, 4.7 and 5 demand, sealed.
@Suite struct HostileDocumentTests {
    @Test(arguments: metadata) func `META that breaks a rule`(_ hostile: HostileCase) throws { try hostile.check() }
    @Test(arguments: notes) func `NOTE that breaks a rule`(_ hostile: HostileCase) throws { try hostile.check() }
    @Test(arguments: provenance) func `PROV that breaks a rule`(_ hostile: HostileCase) throws { try hostile.check() }
    @Test(arguments: accepted) func `An unusual document that is right`(_ unusual: HostileCase) throws {
        try unusual.check()
    }

    static let metadata: [HostileCase] = [
        meta("no bytes", []), meta("an integer", [0x00]), meta("an array", [0x80]), meta("null", [0xF6]),
        meta("a map cut short", [0xA1]), meta("a key cut short", [0xA1, 0x64, 0x62]),
        meta("bytes after the map", [0xA0, 0x00]), meta("a map of 2⁶⁴ − 1 entries", [0xBB] + ones(8)),
        meta("a text of 2⁶⁴ − 1 bytes", [0xA1, 0x7B] + ones(8)),
        meta("an unknown key", map(["extra": [0x00]])), meta("an unknown key in base", base(["url": text("x")])),
        meta("base that is text", map(["base": text("x")])), meta("base without entries", map(["base": [0xA0]])),
        meta("base null", map(["base": [0xF6]])), meta("base.name an integer", base(["name": [0x01]])),
        meta("base.name null", base(["name": [0xF6]])), meta("base.revision an array", base(["revision": [0x80]])),
        meta("base.digest that is short", base(["digest": text("sha256:00")])),
        meta("base.digest in capitals", base(["digest": text("sha256:" + String(repeating: "A", count: 64))])),
        meta("base.digest of another hash", base(["digest": text("sha512:" + String(repeating: "a", count: 64))])),
        meta("base.digest without a prefix", base(["digest": text(String(repeating: "a", count: 64))])),
        meta("behaviour an array", map(["behaviour": [0x80]])), meta("behaviour empty", map(["behaviour": [0xA0]])),
        meta("keys descending", [0xA2] + text("b") + [0x01] + text("a") + [0x01], in: "behaviour"),
        meta(
            "keys ordered by text, not by encoding", [0xA2] + text("aa") + [0x01] + text("b") + [0x01], in: "behaviour"),
        meta("a key twice", [0xA2] + text("a") + [0x01] + text("a") + [0x01], in: "behaviour"),
        meta("a key that is an integer", [0xA1, 0x01, 0x01], in: "behaviour"),
        meta("a key that is an array", [0xA1, 0x80, 0x01], in: "behaviour"),
        meta("an integer not in its shortest form", value([0x18, 0x17])),
        meta("an integer of 16 bits for 8", value([0x19, 0x00, 0xFF])),
        meta("an integer of 32 bits for 16", value([0x1A, 0, 0, 0xFF, 0xFF])),
        meta("an integer of 64 bits for 32", value([0x1B, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF])),
        meta("the integer 2⁶³", value([0x1B, 0x80, 0, 0, 0, 0, 0, 0, 0])),
        meta("the integer −2⁶³ − 1", value([0x3B, 0x80, 0, 0, 0, 0, 0, 0, 0])),
        meta("a reserved head", value([0x1C])), meta("a text of indefinite length", value([0x7F, 0xFF])),
        meta("an array of indefinite length", value([0x9F, 0xFF])), meta("a map of indefinite length", [0xBF, 0xFF]),
        meta("a text whose length is not shortest", value([0x78, 0x01, 0x61])),
        meta("a byte string", value([0x41, 0x61])),
        meta("a tag", value([0xC0, 0x60])), meta("undefined", value([0xF7])), meta("simple value 0", value([0xE0])),
        meta("simple value 32", value([0xF8, 0x20])), meta("false in two bytes", value([0xF8, 0x14])),
        meta("break without a start", value([0xFF])), meta("1.5 as binary32", value([0xFA, 0x3F, 0xC0, 0, 0])),
        meta("1.5 as binary64", value([0xFB, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0])),
        meta("∞ as binary32", value([0xFA, 0x7F, 0x80, 0, 0])),
        meta("NaN as binary32", value([0xFA, 0x7F, 0xC0, 0, 0])),
        meta("NaN with a payload", value([0xF9, 0x7E, 0x01])), meta("a negative NaN", value([0xF9, 0xFE, 0x00])),
        meta("a signalling NaN", value([0xF9, 0x7C, 0x01])), meta("invalid UTF-8", value([0x61, 0xFF])),
        meta("a surrogate in UTF-8", value([0x63, 0xED, 0xA0, 0x80])),
        meta("17 levels", nested(17), code: .limitExceeded),
        meta("many levels", nested(100_000), code: .limitExceeded),
        meta("more than a mebibyte", map(["behaviour": map(["x": longText(1 << 20)])]), code: .limitExceeded),
    ]

    static let notes: [HostileCase] = [
        HostileCase("no bytes", .malformedMetadata) {
            $0.notes = []
            $0.otherSections = [SpecFile.Section(tag: "OTHR", bytes: [1])]
        },
        // An empty section where the data starts is a trailing one (clause 4.4), and NOTE may not be that.
        HostileCase("no bytes at the header's end", .malformedHeader) { $0.notes = [] },
        note("no entries", [0xA0]), note("an integer", [0x01]), note("an array", [0x80]),
        note("text", text("hello")), note("null", [0xF6]), note("not deterministic", [0xBF, 0xFF]),
        note("bytes after the map", map(["message": text("m")]) + [0x00]), note("cut short", [0xA1, 0x67]),
        note("a message that is no text", map(["message": [0x01]])), note("a message null", map(["message": [0xF6]])),
        note("a licence that is no text", map(["license": [0x80]])), note("labels an array", map(["labels": [0x80]])),
        note("a label that is no text", map(["labels": map(["a": [0x01]])])),
        note("source text", map(["source": text("peft")])),
        note("source without a layout", map(["source": map(["configuration": [0xA0]])])),
        note("source without a configuration", map(["source": map(["layout": text("peft")])])),
        note("fileMetadata an array", map(["source": source([0x80])])),
        note("fileMetadata of integers", map(["source": source(map(["a": [0x01]]))])),
        note("17 levels", nested(17), code: .limitExceeded),
        note("1,048,577 items", array(1_048_577 - 3), code: .limitExceeded),
        note("an array of 16 Mi items", array(16 << 20 - 16), code: .limitExceeded),
        note("more than 16 MiB", map(["message": longText(16 << 20)]), code: .limitExceeded),
    ]

    static let provenance: [HostileCase] = [
        record("no bytes", []), record("an integer", [0x01]), record("no entries", [0xA0]), record("not CBOR", [0xFF]),
        record("bytes after the map", record() + [0x00]), record("no operation", record(["operation": nil])),
        record("an operation that is no text", record(["operation": [0x01]])),
        record("no toolVersion", record(["toolVersion": nil])), record("no options", record(["options": nil])),
        record("options an array", record(["options": [0x80]])), record("no parents", record(["parents": nil])),
        record("parents a map", record(["parents": [0xA0]])), record("a parent that is no map", parents([0x01])),
        record("a parent without a digest", parents(map(["contentRoot": digest, "role": text("input")]))),
        record(
            "a parent's digest malformed",
            parents(map(["contentRoot": digest, "digest": text("sha256:"), "role": text("x")]))),
        record("a parent without a content root", parents(map(["digest": digest, "role": text("input")]))),
        record("a parent without a role", parents(map(["contentRoot": digest, "digest": digest]))),
        record(
            "a weight that is text",
            parents(map(["contentRoot": digest, "digest": digest, "role": text("x"), "weight": text("1")]))),
        record(
            "a weight null",
            parents(map(["contentRoot": digest, "digest": digest, "role": text("x"), "weight": [0xF6]]))),
        record("an empty certificate", record(["certificate": [0xA0]])),
        record("a certificate null", record(["certificate": [0xF6]])),
        record("a certificate of integers", record(["certificate": map(["modules": [0x81, 0x01]])])),
        record("17 levels", nested(17), code: .limitExceeded),
        HostileCase("more than 16 MiB", .limitExceeded) {
            $0.provenance = record(["operation": longText(16 << 20)])
        },
    ]

    static let accepted: [HostileCase] = [
        HostileCase("16 levels", nil, whenOpened: false) { $0.metadata = nested(16) },
        HostileCase("1,048,576 items", nil, whenOpened: false) { $0.notes = array(1_048_576 - 3) },
        HostileCase("a canonical NaN, −0 and extremes", nil, whenOpened: false) {
            $0.metadata = value(
                [0x86, 0xF9, 0x7E, 0x00, 0xF9, 0x80, 0x00, 0xF9, 0x7C, 0x00, 0x3B, 0x7F] + ones(7) + [0x1B, 0x7F]
                    + ones(7) + [0xFB, 0x3F, 0xF0, 0, 0, 0, 0, 0, 1])
        },
        HostileCase("META of a mebibyte", nil, whenOpened: false) {
            $0.metadata = map(["behaviour": map(["x": longText(1_048_576 - 19)])])
        },
        HostileCase("texts that names may not hold", nil, whenOpened: false) {
            $0.metadata = base(["name": text("line\n\0\u{7F}")])
        },
        HostileCase("unknown keys in NOTE", nil, whenOpened: false) { $0.notes = map(["anything": [0x81, 0x01]]) },
        HostileCase("unknown keys in PROV", nil, whenOpened: false) { $0.provenance = record(["zzz": [0x01]]) },
        HostileCase("an integer as weight", nil, whenOpened: false) {
            $0.provenance = parents(
                map(["contentRoot": digest, "digest": digest, "role": text("x"), "weight": [0x01]]))
        },
    ]

    // MARK: CBOR by hand

    private static func ones(_ count: Int) -> [UInt8] { [UInt8](repeating: 0xFF, count: count) }

    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return (bytes.count < 24 ? [0x60 + UInt8(bytes.count)] : [0x78, UInt8(bytes.count)]) + bytes
    }

    private static func longText(_ count: Int) -> [UInt8] {
        [0x7A] + SpecFile.bytes(UInt32(count)).reversed() + [UInt8](repeating: 0x61, count: count)
    }

    /// A map, a key and an array of that many integers.
    private static func array(_ count: Int) -> [UInt8] {
        map(["x": [0x9A] + SpecFile.bytes(UInt32(count)).reversed() + [UInt8](repeating: 0x01, count: count)])
    }

    /// A map of fewer than 24 entries, its keys in the order of their encodings.
    private static func map(_ entries: [String: [UInt8]]) -> [UInt8] {
        let sorted = entries.map { (key: text($0.key), value: $0.value) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
        return [0xA0 + UInt8(entries.count)] + sorted.flatMap { $0.key + $0.value }
    }

    private static func base(_ entries: [String: [UInt8]]) -> [UInt8] { map(["base": map(entries)]) }
    private static func value(_ value: [UInt8]) -> [UInt8] { map(["behaviour": map(["x": value])]) }

    /// A document of that many levels of maps and arrays around an integer.
    private static func nested(_ levels: Int) -> [UInt8] {
        value([UInt8](repeating: 0x81, count: levels - 2) + [0x01])
    }

    private static let digest = text("sha256:" + String(repeating: "0a", count: 32))

    private static func source(_ fileMetadata: [UInt8]) -> [UInt8] {
        map(["layout": text("peft"), "configuration": [0xA0], "fileMetadata": fileMetadata])
    }

    /// A provenance record with some entries replaced or, by nil, left out.
    private static func record(_ changes: [String: [UInt8]?] = [:]) -> [UInt8] {
        var entries = [
            "operation": text("merge"), "toolVersion": text("1"), "options": [0xA0], "parents": [0x80],
        ]
        for (key, value) in changes { entries[key] = value }
        return map(entries)
    }

    private static func parents(_ parent: [UInt8]) -> [UInt8] { record(["parents": [0x81] + parent]) }

    private static func meta(
        _ name: String, _ bytes: [UInt8], code: FormatError.Code = .malformedMetadata
    ) -> HostileCase {
        HostileCase(name, code) { $0.metadata = bytes }
    }

    private static func meta(_ name: String, _ bytes: [UInt8], in key: String) -> HostileCase {
        meta(name, map([key: bytes]))
    }

    private static func note(
        _ name: String, _ bytes: [UInt8], code: FormatError.Code = .malformedMetadata
    ) -> HostileCase {
        HostileCase(name, code) { $0.notes = bytes }
    }

    private static func record(
        _ name: String, _ bytes: [UInt8], code: FormatError.Code = .malformedMetadata
    ) -> HostileCase {
        HostileCase(name, code, whenOpened: false) { $0.provenance = bytes }
    }
}
