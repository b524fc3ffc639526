internal import ArgumentParser

/// The option of commands whose results the store may have already.
struct RecomputeOption: ParsableArguments {
    @Flag(
        name: .customLong("recompute"),
        help: "Compute again what the store has: by default the same operation on the same inputs is not repeated.")
    var isSet = false
}
