extension TransformerShape {
    /// Throws unless the model knows the tokens of a data set and reads rows of that length.
    ///
    /// - Throws: ``TrainingError`` with code `invalidModel` or `rowTooLong`.
    package func require(_ dataset: Dataset) throws {
        if let id = dataset.examples.lazy.compactMap({ $0.ids.max() }).max(), id >= vocabularySize {
            throw TrainingError(
                .invalidModel,
                "Unable to use the data: the tokenizer gives the token \(id), the model knows \(vocabularySize) tokens. "
                    + "Name the tokenizer of this model.")
        }
        if let length = dataset.examples.map(\.ids.count).max(), length > contextLength {
            throw TrainingError(
                .rowTooLong,
                "Unable to use the data: a row has \(length) tokens, the model reads at most \(contextLength). Lower the "
                    + "greatest length.")
        }
    }
}
