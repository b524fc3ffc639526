internal import Adapters
internal import ByteCoding
internal import Integrity
internal import Tensors

/// What the tables must say about each other (spec sections 6 to 9).
extension AdapterHeader {
    func checkModules() throws {
        var next = 0
        var previous: UInt32?
        for module in modules {
            _ = try names.name(at: module.name, byteOffset: offset(of: .modules))
            if let previous, module.name <= previous {
                throw invalid(.modules, "modules are not strictly ascending by name")
            }
            previous = module.name
            guard module.firstTensor == next, let end = next.checkedAdd(module.tensorCount), end <= tensors.count
            else { throw invalid(.modules, "the modules' tensors are not consecutive") }
            next = end
        }
        guard next == tensors.count else { throw invalid(.modules, "a tensor belongs to no module") }
    }

    func checkTensors(_ limits: ReadLimits) throws {
        var isUsed = [Bool](repeating: false, count: names.names.count)
        for module in modules { isUsed[Int(module.name)] = true }
        var decoded = 0
        let cap = limits.decodedByteCount(forFileOf: fixed.fileByteCount)
        for (index, module) in modules.enumerated() {
            let group = tensors[module.firstTensor..<module.firstTensor + module.tensorCount]
            for tensor in group {
                _ = try names.name(at: tensor.name, byteOffset: offset(of: .tensors))
                isUsed[Int(tensor.name)] = true
                guard tensor.module == index else { throw invalid(.tensors, "a tensor names another module") }
                guard let sum = decoded.checkedAdd(tensor.byteCount), sum <= cap else {
                    let reason =
                        cap < ReadLimits.maximumDecodedByteCount
                        ? "\(cap) bytes. Raise the limit (--max-decoded) if you trust the file."
                        : "64 GiB, the most that the format has room for."
                    throw FormatError(
                        .limitExceeded, "The tensors decode to more than \(reason)", byteOffset: offset(of: .tensors))
                }
                decoded = sum
            }
            for (first, second) in zip(group, group.dropFirst())
            where (first.role.rawValue, first.name) >= (second.role.rawValue, second.name) {
                throw invalid(.tensors, "a module's tensors are not strictly ascending by role and name")
            }
            try checkUpdate(module, group)
        }
        guard !isUsed.contains(false) else { throw invalid(.names, "a name is not used") }
    }

    private func checkUpdate(_ module: ModuleRecord, _ group: ArraySlice<TensorRecord>) throws {
        let factors = group.filter { $0.role == .a || $0.role == .b }
        guard module.kind != nil else {
            guard factors.isEmpty else { throw invalid(.tensors, "A or B belongs to a module without update") }
            return
        }
        guard factors.map(\.role) == [.a, .b], factors.allSatisfy({ names.names[Int($0.name)].isEmpty }) else {
            throw invalid(.tensors, "an update does not have one A and one B without names")
        }
    }

    func checkChunks() throws {
        var firstChunk = 0
        var position = 0
        for tensor in tensors {
            guard tensor.firstChunk == firstChunk else { throw invalid(.tensors, "a tensor's chunks do not follow") }
            // Each tensor's chunks are counted against the table before they are visited: a huge shape ends here.
            guard tensor.chunkCount <= chunks.count - firstChunk else {
                throw invalid(.chunks, "it has fewer chunks than the shapes demand")
            }
            for index in 0..<tensor.chunkCount {
                let chunk = chunks[firstChunk + index]
                let decoded = tensor.decodedByteCount(ofChunk: index)
                guard chunk.offset == position, chunk.encodedByteCount >= 1, chunk.encodedByteCount <= decoded,
                    let end = position.checkedAdd(chunk.extentByteCount(alignment: fixed.alignment)),
                    end <= fixed.dataByteCount
                else { throw invalid(.chunks, "a chunk overlaps, leaves a gap or lies outside the data") }
                position = end
            }
            firstChunk += tensor.chunkCount
        }
        guard firstChunk == chunks.count, position == fixed.dataByteCount else {
            throw invalid(.chunks, "chunks or data are left over")
        }
    }

    func checkContentRoot(metadata: [UInt8]) throws {
        let digests = modules.map { module in
            Identity.moduleDigest(
                module, name: names.names[Int(module.name)],
                tensors: tensors[module.firstTensor..<module.firstTensor + module.tensorCount].map(\.digest))
        }
        guard Identity.contentRoot(metadata: metadata, modules: digests) == fixed.contentRoot else {
            throw FormatError(
                .digestMismatch, "The content root is not that of the tables. The file is damaged or forged.",
                byteOffset: 64)
        }
    }

    private func offset(of tag: SectionTag) -> Int { sections.first { $0.tag == tag }?.offset ?? 0 }

    private func invalid(_ tag: SectionTag, _ reason: String) -> FormatError {
        FormatError(.malformedTable, "The table '\(tag)' is invalid: \(reason).", byteOffset: offset(of: tag))
    }
}
