/// The architecture of a decoder: its sizes and the few points in which Llama, Mistral, Qwen 2 and Qwen 3 differ.
package struct TransformerShape: Hashable, Sendable {
    /// How rotary angles are slowed down for long contexts.
    package enum RotaryScaling: Hashable, Sendable {
        case none
        /// All angles divided by a factor.
        case linear(factor: Double)
        /// Llama 3.1's: long wave lengths divided, short ones kept, those between blended.
        case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Double)
    }

    /// The model type that `config.json` names.
    package var architecture: String
    package var hiddenSize: Int
    package var layerCount: Int
    package var headCount: Int
    /// Heads of keys and values; each serves `headCount / keyHeadCount` heads of queries.
    package var keyHeadCount: Int
    package var headSize: Int
    package var feedForwardSize: Int
    package var vocabularySize: Int
    package var normEpsilon: Double
    package var rotaryBase: Double
    package var rotaryScaling: RotaryScaling
    /// Whether the head's weight is the embedding's.
    package var hasTiedHead: Bool
    /// Whether queries and keys are normalised head by head (Qwen 3).
    package var normalizesHeads: Bool
    /// The most tokens of a row.
    package var contextLength: Int

    /// The columns of the queries, and of what attention gives.
    package var queryColumns: Int { headCount * headSize }
    /// The columns of the keys, and of the values.
    package var keyColumns: Int { keyHeadCount * headSize }

    /// The angle per position of each of the `headSize / 2` pairs.
    package var rotaryFrequencies: [Double] {
        (0..<headSize / 2).map { pair in
            let frequency = power(rotaryBase, -2 * Double(pair) / Double(headSize))
            switch rotaryScaling {
            case .none: return frequency
            case .linear(let factor): return frequency / factor
            case .llama3(let factor, let low, let high, let context):
                let wavelength = 2 * Double.pi / frequency
                if wavelength < context / high { return frequency }
                if wavelength > context / low { return frequency / factor }
                let smooth = (context / wavelength - low) / (high - low)
                return (1 - smooth) * frequency / factor + smooth * frequency
            }
        }
    }
}
