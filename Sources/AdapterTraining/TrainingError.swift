/// Why a model could not be trained or evaluated.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// A tokenizer file is malformed or contradicts itself.
        public static let invalidTokenizer = Code(description: "invalidTokenizer")
        /// A tokenizer uses a part that is not known here.
        public static let unsupportedTokenizer = Code(description: "unsupportedTokenizer")
        /// A model's configuration or a tensor of it is missing, malformed or of the wrong shape.
        public static let invalidModel = Code(description: "invalidModel")
        /// A model has an architecture or a feature that is not known here.
        public static let unsupportedModel = Code(description: "unsupportedModel")
        /// A row of the data is malformed.
        public static let invalidData = Code(description: "invalidData")
        /// There is nothing to learn from.
        public static let emptyData = Code(description: "emptyData")
        /// A row is longer than allowed and may not be cut.
        public static let rowTooLong = Code(description: "rowTooLong")
        /// A setting is outside its range or contradicts another.
        public static let invalidSetting = Code(description: "invalidSetting")
        /// A target matches no linear layer of the model.
        public static let noTarget = Code(description: "noTarget")
        /// An adapter does not fit the model.
        public static let adapterMismatch = Code(description: "adapterMismatch")
        /// The plan needs more memory than there is.
        public static let outOfMemory = Code(description: "outOfMemory")
        /// The loss or a gradient is infinite or not a number.
        public static let nonFinite = Code(description: "nonFinite")
        /// The loss stayed above the watchdog's threshold.
        public static let diverged = Code(description: "diverged")
        /// A checkpoint cannot be continued: it is damaged, or what it was made with has changed.
        public static let invalidCheckpoint = Code(description: "invalidCheckpoint")
        /// The caller stopped the run.
        public static let cancelled = Code(description: "cancelled")
    }

    /// What kind of fault it was.
    public var code: Code
    /// The full sentence for a person.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
