/// The user's search text in the language of FTS5.
///
/// Every word is quoted, so nothing in it is syntax; a `*` at its end asks for words that begin so. See
/// https://www.sqlite.org/fts5.html, section 3.
struct SearchText: Hashable, Sendable {
    /// The longest text in bytes.
    static let maximumByteCount = 1000
    /// The most words.
    static let maximumWordCount = 32

    /// The expression for `MATCH`: all words must occur, in any order.
    let expression: String

    /// Quotes a text.
    ///
    /// - Throws: ``RegistryError`` with code `invalidQuery` when it is too long or has no letter or digit.
    init(_ text: String) throws(RegistryError) {
        guard text.utf8.count <= SearchText.maximumByteCount else {
            throw RegistryError(
                .invalidQuery,
                "Unable to search: the text has \(text.utf8.count) bytes, at most \(SearchText.maximumByteCount) are "
                    + "possible. Search for a few words.")
        }
        let words = text.split { $0.isWhitespace || $0 == "\0" }.filter { word in
            // A word of punctuation alone has no token; FTS5 would find nothing at all.
            word.unicodeScalars.contains { $0.properties.isAlphabetic || $0.properties.numericType != nil }
        }
        guard (1...SearchText.maximumWordCount).contains(words.count) else {
            throw RegistryError(
                .invalidQuery,
                "Unable to search: 1 to \(SearchText.maximumWordCount) words with a letter or a digit are needed, "
                    + "there are \(words.count). Search for a few words.")
        }
        expression = words.map { word in
            let isPrefix = word.hasSuffix("*")
            let quoted = word.replacing("\"", with: "\"\"")
            return "\"\(quoted)\"\(isPrefix ? "*" : "")"
        }.joined(separator: " ")
    }
}
