extension Int {
    /// `self · factor`, or nil when it does not fit; for sizes that come from untrusted input.
    package func checkedMultiply(_ factor: Int) -> Int? {
        let (value, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? nil : value
    }

    /// `self + term`, or nil when it does not fit.
    package func checkedAdd(_ term: Int) -> Int? {
        let (value, overflow) = addingReportingOverflow(term)
        return overflow ? nil : value
    }

    /// How many bytes must follow this offset to reach the next multiple of `alignment`, which is positive.
    package func padding(to alignment: Int) -> Int {
        let past = self % alignment
        return past == 0 ? 0 : alignment - past
    }
}

extension String {
    /// Orders by UTF-8 bytes, the order of every table in the file format.
    ///
    /// Swift's own `<` compares canonical equivalents, which would make the order depend on Unicode tables.
    package func precedesInUTF8(_ other: String) -> Bool {
        utf8.lexicographicallyPrecedes(other.utf8)
    }
}
