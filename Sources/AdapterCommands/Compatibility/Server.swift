internal import AdapterInterchange
internal import Adapters
internal import ByteCoding

/// What a program that serves adapters says of one.
struct ServerVerdict {
    /// The program's name.
    let name: String
    /// Why it does not take the adapter as it is; empty when it does.
    let reasons: [String]
    /// What to know when it does: an option that it needs, a layout to convert to.
    let advice: String

    var document: MetadataValue {
        [
            "name": .string(name), "fits": MetadataValue(reasons.isEmpty),
            "reasons": .array(reasons.map(MetadataValue.string)), "advice": .string(advice),
        ]
    }
}

/// The programs that serve adapters, and what they take.
enum Server: String, CaseIterable {
    case peft, vllm
    case llamacpp = "llama.cpp"
    case mlx

    static var all: [Server] { Array(allCases) }

    /// The values of vLLM's --max-lora-rank (vllm/config/lora.py), of which 16 is the default.
    private static let vllmRanks = [1, 8, 16, 32, 64, 128, 256, 320, 512]
    private static let vllmDefaultRank = 16

    /// The layout that the program reads.
    private var layout: ForeignLayout {
        switch self {
        case .peft, .vllm: .peft
        case .llamacpp: .gguf
        case .mlx: .mlx
        }
    }

    func verdict(on adapter: Adapter, base: BaseOutline) -> ServerVerdict {
        var reasons: [String] = []
        do {
            try layout.check(adapter, base: base)
        } catch let error as InterchangeError {
            reasons.append(error.reason)
        } catch {
            reasons.append("\(error)")
        }
        if self == .vllm { reasons += vllmReasons(adapter) }
        return ServerVerdict(name: rawValue, reasons: reasons, advice: reasons.isEmpty ? advice(adapter) : "")
    }

    /// What vLLM (vllm/lora/peft_helper.py) refuses, or ignores so that the result is another.
    private func vllmReasons(_ adapter: Adapter) -> [String] {
        var reasons: [String] = []
        let roles = Set(adapter.modules.flatMap(\.parameters).map(\.role))
        if roles.contains(.magnitude) { reasons.append("vLLM does not support DoRA") }
        if roles.contains(.full) || roles.contains(.tokenRows) {
            reasons.append("vLLM does not support fully trained modules and token rows")
        }
        if roles.contains(.bias) || roles.contains(.updateBias) { reasons.append("vLLM does not support biases") }
        if let convolution = adapter.updates.first(where: { $0.update.kind == .convolution }) {
            reasons.append("vLLM has no convolutions, such as '\(convolution.name)'")
        }
        for key in adapter.behaviour.keys.sorted() where key != "target_parameters" {
            reasons.append("vLLM takes no notice of the setting '\(key)'")
        }
        if let rank = adapter.ranks.last, let largest = Server.vllmRanks.last, rank > largest {
            reasons.append("the rank \(rank) exceeds vLLM's largest --max-lora-rank, \(largest)")
        }
        let scalings = Set(adapter.updates.map(\.update.scaling))
        if scalings.count > 1 {
            reasons.append("vLLM takes one scaling for all modules, the adapter has \(scalings.count)")
        }
        return reasons
    }

    private func advice(_ adapter: Adapter) -> String {
        switch self {
        case .peft: return "pull it as peft"
        case .vllm:
            let rank = adapter.ranks.last ?? 1
            let needed = Server.vllmRanks.first { $0 >= rank } ?? rank
            return needed > Server.vllmDefaultRank
                ? "pull it as peft, serve with --max-lora-rank \(needed)" : "pull it as peft"
        case .llamacpp: return "pull it as gguf with --base"
        case .mlx:
            let isUniform = adapter.ranks.count <= 1 && Set(adapter.updates.map(\.update.scaling)).count <= 1
            return isUniform ? "pull it as mlx" : "pull it as mlx, which evens out ranks and scalings"
        }
    }
}
