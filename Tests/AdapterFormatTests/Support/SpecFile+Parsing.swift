/// A reader of sections 3 to 9 that knows the specification's text and nothing else.
extension SpecFile {
    /// Parses a file and checks every rule but those about the documents and the tensors' values.
    init(parsing file: [UInt8]) throws {
        func integer(_ offset: Int, _ byteCount: Int) throws -> UInt64 {
            guard offset >= 0, offset + byteCount <= file.count else { throw SpecViolation("3.1") }
            return (0..<byteCount).reduce(0) { $0 | UInt64(file[offset + $1]) << (8 * UInt64($1)) }
        }
        func require(_ condition: Bool, _ clause: String) throws {
            guard condition else { throw SpecViolation(clause) }
        }
        func requireZeros(_ range: Range<Int>, _ clause: String) throws {
            try require(range.upperBound <= file.count && file[range].allSatisfy { $0 == 0 }, clause)
        }

        // 4.1
        try require(file.count >= 128 && Array(file[..<8]) == fixed.magic, "4.2")
        fixed.readVersion = file[8]
        fixed.writeVersion = file[9]
        try require(fixed.readVersion == 1 && fixed.writeVersion >= 1, "4.1")
        try requireZeros(10..<12, "1.3")
        let sectionCount = Int(try integer(12, 4))
        try require((5...64).contains(sectionCount), "4.1")
        try require(try integer(16, 8) == file.count, "4.1")
        let headerByteCount = Int(try integer(24, 8))
        let dataByteCount = Int(try integer(32, 8))
        fixed.alignment = UInt32(try integer(40, 4))
        let alignment = Int(fixed.alignment)
        try require((0...12).map { 1 << $0 }.contains(alignment), "4.1")
        try requireZeros(44..<64, "1.3")
        try require(headerByteCount % 8 == 0 && headerByteCount % alignment == 0, "3.3")
        let dataEnd = headerByteCount + dataByteCount
        try require(dataEnd <= file.count, "3.1")

        // 9.1
        var header = Array(file[..<headerByteCount])
        header.replaceSubrange(96..<128, with: [UInt8](repeating: 0, count: 32))
        try require(Self.hash(header) == Array(file[96..<128]), "9.1")

        // 4.3, 4.4, 4.8, 3.4, 9.2
        var position = 128 + 64 * sectionCount
        var contents: [String: [UInt8]] = [:]
        var tags: [String] = []
        for index in 0..<sectionCount {
            let entry = 128 + 64 * index
            let tag = String(decoding: file[entry..<entry + 4], as: UTF8.self)
            let offset = Int(try integer(entry + 8, 8))
            let byteCount = Int(try integer(entry + 16, 8))
            let isTrailing = index >= 5 && offset >= headerByteCount
            try require(try integer(entry + 4, 4) == (index < 5 ? 1 : 0), "4.4")
            try requireZeros(entry + 24..<entry + 32, "1.3")
            if isTrailing, position < headerByteCount {
                try require(headerByteCount - position < max(8, alignment), "3.3")
                try requireZeros(position..<headerByteCount, "3.2")
            }
            if isTrailing { position = max(position, dataEnd) }
            let start = isTrailing ? position : (position + 7) / 8 * 8
            try require(offset == start, "3.4")
            if !isTrailing { try requireZeros(position..<start, "3.4") }
            position = offset + byteCount
            try require(position <= (isTrailing ? file.count : headerByteCount), "3.1")
            contents[tag] = Array(file[offset..<position])
            try require(Self.hash(Array(file[offset..<position])) == Array(file[entry + 32..<entry + 64]), "9.2")
            tags.append(tag)
        }
        try require(max(position, dataEnd) == file.count, "3.1")
        try require(Array(tags.prefix(5)) == ["META", "NAME", "MODL", "TENS", "CHNK"], "4.4")
        try require(Set(tags).count == tags.count, "4.4")
        metadata = contents["META"] ?? []
        notes = contents["NOTE"]
        provenance = contents["PROV"]

        try parseTables(contents)
        try parseChunks(contents["CHNK"] ?? [], data: Array(file[headerByteCount..<dataEnd]))
        try require(contentRoot == Array(file[64..<96]), "9.6")
    }

    private static func integer(_ bytes: [UInt8], _ offset: Int, _ byteCount: Int) throws -> UInt64 {
        guard offset + byteCount <= bytes.count else { throw SpecViolation("6.1") }
        return (0..<byteCount).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
    }

    private mutating func parseTables(_ contents: [String: [UInt8]]) throws {
        // 6.1
        let table = contents["NAME"] ?? []
        let count = Int(try Self.integer(table, 0, 4))
        guard try Self.integer(table, 4, 4) == 0 else { throw SpecViolation("1.3") }
        var start = 8 + 4 * count
        for index in 0..<count {
            let end = 8 + 4 * count + Int(try Self.integer(table, 8 + 4 * index, 4))
            guard start <= end, end <= table.count, end - start <= 1024 else { throw SpecViolation("6.1") }
            let text = Array(table[start..<end])
            guard names.texts.last.map({ $0.lexicographicallyPrecedes(text) }) ?? true else {
                throw SpecViolation("6.1")
            }
            guard String(validating: text, as: UTF8.self) != nil, text.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw SpecViolation("1.4")
            }
            names.texts.append(text)
            start = end
        }
        guard start == table.count else { throw SpecViolation("6.1") }

        // 6.2, 6.4
        let moduleTable = contents["MODL"] ?? []
        guard moduleTable.count % 32 == 0 else { throw SpecViolation("6.2") }
        var next: UInt32 = 0
        for offset in stride(from: 0, to: moduleTable.count, by: 32) {
            func field(_ at: Int, _ width: Int) throws -> UInt64 { try Self.integer(moduleTable, offset + at, width) }
            let module = Module(
                name: UInt32(try field(0, 4)), kind: UInt8(try field(4, 1)), rule: UInt8(try field(5, 1)),
                rank: UInt32(try field(8, 4)), firstTensor: UInt32(try field(12, 4)),
                tensorCount: UInt32(try field(16, 4)), alpha: try field(24, 8))
            guard try field(6, 2) == 0, try field(20, 4) == 0 else { throw SpecViolation("1.3") }
            guard module.name < count, modules.last.map({ $0.name < module.name }) ?? true, module.kind <= 5,
                module.rule <= 1, module.tensorCount >= 1, Double(bitPattern: module.alpha).isFinite
            else { throw SpecViolation("6.2") }
            guard module.kind == 0 ? module.rank == 0 && module.alpha == 0 : (1...65536).contains(module.rank) else {
                throw SpecViolation("6.3")
            }
            guard module.firstTensor == next else { throw SpecViolation("6.4") }
            next += module.tensorCount
            modules.append(module)
        }

        // 7.1
        let tensorTable = contents["TENS"] ?? []
        guard tensorTable.count == 72 * Int(next) else { throw SpecViolation("6.4") }
        for offset in stride(from: 0, to: tensorTable.count, by: 72) {
            func field(_ at: Int, _ width: Int) throws -> UInt64 { try Self.integer(tensorTable, offset + at, width) }
            let tensor = Tensor(
                module: UInt32(try field(0, 4)), role: UInt8(try field(4, 1)), dtype: UInt8(try field(5, 1)),
                dimensionCount: UInt8(try field(6, 1)), name: UInt32(try field(8, 4)),
                firstChunk: UInt32(try field(12, 4)),
                extents: try (0..<6).map { UInt32(try field(16 + 4 * $0, 4)) },
                digest: Array(tensorTable[offset + 40..<offset + 72]))
            guard try field(7, 1) == 0 else { throw SpecViolation("1.3") }
            guard (1...8).contains(tensor.role), (1...9).contains(tensor.dtype), tensor.dimensionCount <= 6,
                tensor.name < count, tensor.extents[Int(tensor.dimensionCount)...].allSatisfy({ $0 == 0 })
            else { throw SpecViolation("7.1") }
            tensors.append(tensor)
        }
        for (index, module) in modules.enumerated() {
            let group = tensors[Int(module.firstTensor)..<Int(module.firstTensor + module.tensorCount)]
            guard group.allSatisfy({ $0.module == index }) else { throw SpecViolation("7.1") }
            guard zip(group, group.dropFirst()).allSatisfy({ ($0.role, $0.name) < ($1.role, $1.name) }) else {
                throw SpecViolation("7.2")
            }
            let factors = group.filter { $0.role <= 2 }
            guard factors.map(\.role) == (module.kind == 0 ? [] : [1, 2]), factors.allSatisfy({ text($0.name) == [] })
            else { throw SpecViolation("7.3") }
        }
        let used = Set(modules.map(\.name) + tensors.map(\.name))
        guard used.count == count else { throw SpecViolation("6.1") }
    }

    private mutating func parseChunks(_ table: [UInt8], data: [UInt8]) throws {
        guard table.count % 48 == 0 else { throw SpecViolation("8.2") }
        let alignment = Int(fixed.alignment)
        var position = 0
        for offset in stride(from: 0, to: table.count, by: 48) {
            guard try Self.integer(table, offset, 8) == position else { throw SpecViolation("8.3") }
            let byteCount = Int(try Self.integer(table, offset + 8, 4))
            let end = (position + byteCount + alignment - 1) / alignment * alignment
            guard end <= data.count else { throw SpecViolation("8.3") }
            let chunk = Chunk(
                codec: table[offset + 12], encoded: Array(data[position..<position + byteCount]),
                padding: Array(data[position + byteCount..<end]))
            guard Array(table[offset + 13..<offset + 16]) == [0, 0, 0] else { throw SpecViolation("1.3") }
            guard chunk.padding.allSatisfy({ $0 == 0 }) else { throw SpecViolation("8.3") }
            guard [0, 1, 2, 3].contains(chunk.codec) else { throw SpecViolation("8.4") }
            guard Self.hash([0], chunk.encoded, chunk.padding) == Array(table[offset + 16..<offset + 48]) else {
                throw SpecViolation("9.3")
            }
            chunks.append(chunk)
            position = end
        }
        guard position == data.count else { throw SpecViolation("8.3") }
    }

    /// Clauses 8.1, 8.4 and 9.4: recomputes every tensor digest from decoded chunks.
    ///
    /// - Parameter values: gives the bytes of a tensor, for zstd frames, which this reader does not decode itself.
    func checkTensorDigests(values: (_ tensor: Int, _ range: Range<Int>) throws -> [UInt8]) throws {
        var next = 0
        for (index, tensor) in tensors.enumerated() {
            guard let elementByteCount = Self.elementByteCount(tensor.dtype) else { throw SpecViolation("7.4") }
            let elementCount = tensor.extents.prefix(Int(tensor.dimensionCount)).reduce(1) { $0 * Int($1) }
            let byteCount = tensor.dtype == 9 ? (elementCount + 31) / 32 * 34 : elementCount * elementByteCount
            guard Int(tensor.firstChunk) == next else { throw SpecViolation("8.2") }
            var decoded: [[UInt8]] = []
            for start in stride(from: 0, to: byteCount, by: Self.chunkByteCount) {
                let range = start..<min(byteCount, start + Self.chunkByteCount)
                guard next < chunks.count else { throw SpecViolation("8.2") }
                let chunk = chunks[next]
                guard chunk.encoded.count >= 1, chunk.encoded.count <= range.count else { throw SpecViolation("8.2") }
                switch chunk.codec {
                case 0: decoded.append(chunk.encoded)
                case 1:
                    guard chunk.encoded.count == elementByteCount else { throw SpecViolation("8.4") }
                    decoded.append((0..<range.count / elementByteCount).flatMap { _ in chunk.encoded })
                case 2:
                    decoded.append(
                        try Self.decodePlanes(chunk.encoded, dtype: tensor.dtype, expected: values(index, range)))
                default: decoded.append(try values(index, range))
                }
                guard decoded.last?.count == range.count else { throw SpecViolation("8.5") }
                next += 1
            }
            let digest = Self.tensorDigest(
                tensor, module: text(modules[Int(tensor.module)].name), name: text(tensor.name), decodedChunks: decoded)
            guard digest == tensor.digest else { throw SpecViolation("9.4") }
        }
        guard next == chunks.count else { throw SpecViolation("8.2") }
    }
}
