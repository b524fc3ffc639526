/// How the turns of a conversation become one text, by the name that models' cards use.
public enum ChatTemplate: String, Sendable, CaseIterable {
    /// `<|im_start|>role`, the text, `<|im_end|>`: Qwen, SmolLM and many others.
    case chatml
    /// `<|start_header_id|>role<|end_header_id|>`, the text, `<|eot_id|>`.
    case llama3
    /// `[INST]` … `[/INST]` as Mistral's byte-level tokenizers have it; the system's text goes before the last question.
    case mistral

    /// One turn.
    public struct Message: Hashable, Sendable {
        /// `system`, `user` or `assistant`.
        public var role: String
        /// What was said.
        public var content: String

        /// Creates a turn.
        public init(role: String, content: String) {
            self.role = role
            self.content = content
        }
    }

    /// A part of a rendered conversation.
    struct Part: Hashable {
        var text: String
        /// Whether the assistant says it, its end token included.
        var isAnswer: Bool
    }

    /// The token that ends a turn; without learning it a model does not stop.
    public var endToken: String {
        switch self {
        case .chatml: "<|im_end|>"
        case .llama3: "<|eot_id|>"
        case .mistral: "</s>"
        }
    }

    /// The template whose tokens a tokenizer has; nil when it has those of none.
    public static func detected(in tokenizer: Tokenizer) -> ChatTemplate? {
        if tokenizer.addedToken("<|start_header_id|>") != nil { return .llama3 }
        if tokenizer.addedToken("<|im_start|>") != nil { return .chatml }
        return tokenizer.addedToken("[INST]") != nil ? .mistral : nil
    }

    /// The conversation as text.
    public func rendered(_ messages: [Message]) -> String { render(messages).map(\.text).joined() }

    /// The conversation as text, cut into what the assistant says and the rest.
    func render(_ messages: [Message]) -> [Part] {
        switch self {
        case .chatml:
            return messages.flatMap { message in
                [
                    Part(text: "<|im_start|>\(message.role)\n", isAnswer: false),
                    Part(text: message.content + "<|im_end|>", isAnswer: message.role == "assistant"),
                    Part(text: "\n", isAnswer: false),
                ]
            }
        case .llama3:
            return [Part(text: "<|begin_of_text|>", isAnswer: false)]
                + messages.flatMap { message in
                    [
                        Part(
                            text: "<|start_header_id|>\(message.role)<|end_header_id|>\n\n", isAnswer: false),
                        Part(
                            text: message.content.trimmingWhitespace() + "<|eot_id|>",
                            isAnswer: message.role == "assistant"),
                    ]
                }
        case .mistral:
            let system = messages.filter { $0.role == "system" }.map { $0.content + "\n\n" }.joined()
            let lastQuestion = messages.lastIndex { $0.role == "user" }
            return [Part(text: "<s>", isAnswer: false)]
                + messages.enumerated().compactMap { index, message in
                    switch message.role {
                    case "system": nil
                    case "assistant": Part(text: message.content + "</s>", isAnswer: true)
                    default:
                        Part(
                            text: "[INST]" + (index == lastQuestion ? system : "") + message.content + "[/INST]",
                            isAnswer: false)
                    }
                }
        }
    }
}

extension String {
    /// The text without white space at its ends.
    fileprivate func trimmingWhitespace() -> String {
        let scalars = unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
    }
}
