import ByteCoding

/// Something that takes bytes from strangers.
protocol FuzzTarget: SendableMetatype {
    /// The name under which Scripts/fuzz knows it.
    static var name: String { get }

    /// Inputs to start from.
    ///
    /// - Parameter fixtures: the folder `fixtures/data`.
    static func seeds(fixtures: String) throws -> [[UInt8]]

    /// Runs one input. An error of the kinds in ``isExpected(_:)`` is a good end; a broken promise calls ``fail(_:)``.
    static func run(_ input: [UInt8]) throws

    /// Whether the library documents this error for bad input.
    static func isExpected(_ error: any Error) -> Bool

    /// Changes an input so that more than its outermost check is reached; nil leaves it to libFuzzer.
    static func mutate(_ input: [UInt8], maximumByteCount: Int, using generator: inout SeededGenerator) -> [UInt8]?
}

extension FuzzTarget {
    static func mutate(_ input: [UInt8], maximumByteCount: Int, using generator: inout SeededGenerator) -> [UInt8]? {
        nil
    }
}

/// The targets by name.
enum FuzzTargets {
    static let all: [any FuzzTarget.Type] = [
        OpenTarget.self, VerifyTarget.self, CBORTarget.self, JSONTarget.self, CodecTarget.self, SafetensorsTarget.self,
        PEFTTarget.self, PatternTarget.self, NumbersTarget.self, SignatureTarget.self, GGUFTarget.self,
        NumPyTarget.self, KohyaTarget.self, PlainTarget.self,
    ]
}

/// Ends the process, which libFuzzer records as a crash, because the library broke a promise.
func fail(_ promise: String) -> Never {
    fatalError("broken promise: \(promise)")
}

/// Fails unless the promise is kept.
func expect(_ condition: @autoclosure () throws -> Bool, _ promise: @autoclosure () -> String) rethrows {
    if try !condition() { fail(promise()) }
}
