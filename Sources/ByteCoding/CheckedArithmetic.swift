internal import Glibc

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
        // Contiguous bytes are compared in the C library, not one by one.
        unsafe utf8.withContiguousStorageIfAvailable { left in
            unsafe other.utf8.withContiguousStorageIfAvailable { right -> Bool in
                guard let leftStart = left.baseAddress, let rightStart = right.baseAddress else {
                    return left.count < right.count
                }
                let order = unsafe memcmp(leftStart, rightStart, min(left.count, right.count))
                return order == 0 ? left.count < right.count : order < 0
            }
        }.flatMap(\.self) ?? utf8.lexicographicallyPrecedes(other.utf8)
    }
}
