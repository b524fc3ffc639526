extension String {
    /// The text with U+FFFD for control characters, so that what a hostile file says cannot steer a terminal, and no
    /// longer than a person reads.
    ///
    /// - Parameter limit: the most characters (Unicode scalars) kept.
    package func printable(limit: Int = 2000) -> String {
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars.prefix(limit) {
            text.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
        }
        return String(text)
    }
}
