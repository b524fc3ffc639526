/// Random numbers by counting: the n-th number of a key is computed from both, so nothing depends on who asks first.
package struct CounterBasedRandom: RandomNumberGenerator, Sendable {
    private let key: UInt64
    private var counter: UInt64 = 0

    /// The numbers of a key.
    package init(key: UInt64) { self.key = key }

    /// The numbers of a seed and a name.
    package init(seed: UInt64, name: String) {
        // FNV-1a (Fowler, Noll, Vo): the name's bytes, then mixed.
        let hash = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        self.init(key: CounterBasedRandom.mix(seed, hash))
    }

    /// The next 64 random bits.
    package mutating func next() -> UInt64 {
        counter &+= 1
        return CounterBasedRandom.mix(key, counter)
    }

    /// A number from 0 up to 1.
    package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number of the standard normal distribution (Box and Muller, 1958).
    package mutating func normal() -> Double {
        let radius = (-2 * logarithm(1 - uniform())).squareRoot()
        return radius * cosine(2 * .pi * uniform())
    }

    /// The numbers 0 ..< count in random order (Fisher and Yates; Durstenfeld, 1964).
    package mutating func permutation(of count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, Int(next().multipliedFullWidth(by: UInt64(last + 1)).high))
        }
        return order
    }

    /// Two words mixed into one (the finaliser of SplitMix64, twice).
    package static func mix(_ key: UInt64, _ counter: UInt64) -> UInt64 {
        func scramble(_ word: UInt64) -> UInt64 {
            var bits = word
            bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
            bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
            return bits ^ (bits >> 31)
        }
        return scramble(scramble(key &+ 0x9E37_79B9_7F4A_7C15) ^ (counter &* 0x9E37_79B9_7F4A_7C15))
    }
}
