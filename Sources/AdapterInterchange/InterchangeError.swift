import Adapters
import ByteCoding

/// Why a foreign adapter could not be read or written.
public struct InterchangeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// The path holds no adapter in a layout that is known here.
        public static let unknownLayout = Code(description: "unknownLayout")
        /// The folder holds several adapters, or none of the name that was asked for.
        public static let unknownAdapter = Code(description: "unknownAdapter")
        /// The adapter is made with a method other than LoRA.
        public static let unsupportedMethod = Code(description: "unsupportedMethod")
        /// The tensors are in a pickle, which can run code when it is opened.
        public static let pickle = Code(description: "pickle")
        /// The tensor file ends before what its header announces.
        public static let truncated = Code(description: "truncated")
        /// The header of the tensor file is not what the safetensors format prescribes.
        public static let invalidHeader = Code(description: "invalidHeader")
        /// Tensors overlap, leave holes, or do not have the size of their shape.
        public static let invalidOffsets = Code(description: "invalidOffsets")
        /// The element type is not one that adapters can have here.
        public static let unsupportedDType = Code(description: "unsupportedDType")
        /// The file, a name or a pattern is larger than any real one.
        public static let limitExceeded = Code(description: "limitExceeded")
        /// The configuration is not JSON, or an entry has a type or value it cannot have.
        public static let invalidConfiguration = Code(description: "invalidConfiguration")
        /// A pattern of the configuration uses a part of Python's regular expressions that is not supported.
        public static let unsupportedPattern = Code(description: "unsupportedPattern")
        /// A tensor that belongs to a module is not there.
        public static let missingTensor = Code(description: "missingTensor")
        /// The configuration and the tensors contradict each other.
        public static let configMismatch = Code(description: "configMismatch")
        /// The tensors of a module do not fit each other, or exceed what an adapter can hold.
        public static let invalidTensors = Code(description: "invalidTensors")
        /// The configuration allows several readings with different scalings.
        public static let ambiguousParameter = Code(description: "ambiguousParameter")
        /// The index of a model names a file that is not there or that it may not name.
        public static let invalidShard = Code(description: "invalidShard")
        /// A tensor of a model lies in two files, or in another one than the index says.
        public static let conflictingShards = Code(description: "conflictingShards")
        /// A name can stand for several modules of the base model, or nothing says which modules that has.
        public static let ambiguousName = Code(description: "ambiguousName")
        /// A name stands for no module of the base model.
        public static let unknownModule = Code(description: "unknownModule")
        /// What is needed about the base model, its module list or its configuration, was not given.
        public static let baseNeeded = Code(description: "baseNeeded")
        /// Bytes do not have the checksum that the file states, or do not decompress.
        public static let damaged = Code(description: "damaged")
        /// The target layout has no way to say what the adapter does.
        public static let notExpressible = Code(description: "notExpressible")
    }

    /// What kind of fault it was.
    public var code: Code
    /// What was being done: `read`, `write`.
    public var verb: String
    /// The file or folder it was done to.
    public var path: String
    /// What is wrong, with expected and actual values, without a full stop.
    public var reason: String
    /// What to do about it, a sentence or nothing.
    public var remedy: String
    /// The tensor, module or configuration key it is about; empty when it is about the whole.
    public var name: String

    /// Creates an error; those who find a fault need not know the path, see ``about(_:_:)``.
    package init(_ code: Code, _ reason: String, remedy: String = "", name: String = "", path: String = "") {
        self.code = code
        self.verb = "read"
        self.path = path
        self.reason = reason
        self.remedy = remedy
        self.name = name
    }

    /// The same fault under the operation and the path that a person knows.
    package func about(_ verb: String, _ path: String) -> InterchangeError {
        var error = self
        error.verb = verb
        error.path = path
        return error
    }

    /// The full sentence for a person. Control characters of untrusted names are replaced.
    public var message: String {
        ("Unable to \(verb) '\(path)': \(reason)." + (remedy.isEmpty ? "" : " \(remedy)")).printable()
    }

    /// The message.
    public var description: String { message }
}

extension AdapterError {
    /// The message as a part of a sentence.
    var reason: String { message.hasSuffix(".") ? String(message.dropLast()) : message }
}
