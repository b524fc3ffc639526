extension Page {
    /// A place on the server that the page comes from.
    ///
    /// Only paths can be named, and every part is percent-encoded: no text can lead to another host or become a script.
    package struct Link: Hashable, Sendable {
        /// The parts of the path; empty ones are left out.
        package let path: [String]
        /// The query's fields, in order.
        package let query: [Field]
        /// The section of the page; nil for its beginning.
        package let fragment: String?

        /// A field of a query.
        package struct Field: Hashable, Sendable {
            /// The field's name.
            package let name: String
            /// Its value.
            package let value: String

            /// A field.
            package init(_ name: String, _ value: String) {
                self.name = name
                self.value = value
            }
        }

        /// A link; no parts lead to the server's first page.
        package init(_ path: [String] = [], query: [Field] = [], fragment: String? = nil) {
            self.path = path
            self.query = query
            self.fragment = fragment
        }

        /// The path alone, `/a/b`.
        package var target: String { "/" + path.filter { !$0.isEmpty }.map(Link.encode).joined(separator: "/") }

        /// The whole address, `/a/b?c=d#e`.
        package var address: String {
            let fields = query.map { "\(Link.encode($0.name))=\(Link.encode($0.value))" }
            return target + (fields.isEmpty ? "" : "?" + fields.joined(separator: "&"))
                + (fragment.map { "#" + Link.encode($0) } ?? "")
        }

        /// Everything but RFC 3986's unreserved characters, `:` and `@` is percent-encoded; a part of dots alone too, as
        /// browsers would resolve it.
        private static func encode(_ text: String) -> String {
            let digits = Array("0123456789ABCDEF".utf8)
            let isDots = text == "." || text == ".."
            var encoded: [UInt8] = []
            for byte in text.utf8 {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"),
                    UInt8(ascii: ":"), UInt8(ascii: "@"):
                    encoded.append(byte)
                case UInt8(ascii: ".") where !isDots: encoded.append(byte)
                default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                }
            }
            return String(decoding: encoded, as: UTF8.self)
        }
    }
}
