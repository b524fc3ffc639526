import AdapterFormat
import AdapterRegistry
import AdapterTesting
import FileSystem
import OCIDistribution
import Testing

struct DownloadTests {
    static func descriptor(_ bytes: [UInt8]) -> Descriptor { Descriptor(of: bytes, mediaType: .modelWeight) }

    /// Downloads into a file of its own and gives what it holds.
    static func download(_ setting: Setting, _ descriptor: Descriptor, isAdapterFile: Bool = false) throws -> [UInt8] {
        try withTemporaryDirectory { folder in
            let output = try OutputFile(resuming: "\(folder)/part")
            try setting.client.downloadBlob(
                descriptor, from: setting.repository, to: output, isAdapterFile: isAdapterFile)
            return try InputFile.contents(of: "\(folder)/part", limit: 1 << 30)
        }
    }

    @Test(arguments: [0, 1, 1000, 4096, 4097, 100_000])
    func `a blob arrives whole, in parts at the same time`(_ count: Int) throws {
        let bytes = sampleBytes(count)
        let setting = try Setting {
            $0.partByteCount = 4096
        } _: {
            honestBlob($0, bytes)
        }
        #expect(try Self.download(setting, Self.descriptor(bytes)) == bytes)
        let ranges = setting.peer.requests.compactMap { $0.headers["range"] }
        #expect(ranges.count == (count > 4096 ? (count + 4095) / 4096 : 0))
    }

    @Test func `sha512 names content too`() throws {
        let bytes = sampleBytes(10_000)
        let setting = try Setting {
            $0.partByteCount = 4096
        } _: {
            honestBlob($0, bytes)
        }
        let descriptor = Descriptor(
            mediaType: .modelWeight, digest: .hash(bytes, algorithm: .sha512), byteCount: bytes.count)
        #expect(try Self.download(setting, descriptor) == bytes)
    }

    @Test func `connections that break are gone on with where they broke`() throws {
        let bytes = sampleBytes(50_000)
        let counter = Counter()
        let setting = try Setting {
            $0.partByteCount = 10_000
        } _: { request in
            var answer = honestBlob(request, bytes)
            if counter.next() % 2 == 0 { answer.cutAfter = answer.body.count / 2 }
            return answer
        }
        #expect(try Self.download(setting, Self.descriptor(bytes)) == bytes)
        // Nothing that had come was asked for again.
        let asked = setting.peer.requests.compactMap { $0.headers["range"].flatMap { RangeRequest(parsing: $0) } }
            .compactMap { $0.resolved(byteCount: bytes.count)?.count }.reduce(0, +)
        #expect(asked <= bytes.count * 2)
        #expect(!setting.pauses.all.isEmpty)
    }

    @Test func `a peer without ranges is read from the beginning`() throws {
        let bytes = sampleBytes(50_000)
        let counter = Counter()
        let setting = try Setting {
            $0.partByteCount = 10_000
        } _: { _ in
            PeerAnswer(200, [], bytes, cutAfter: counter.next() == 1 ? 20_000 : nil)
        }
        #expect(try Self.download(setting, Self.descriptor(bytes)) == bytes)
    }

    enum Lie: String, CaseIterable, CustomTestStringConvertible {
        case otherBytes, otherLastByte, shorter, longer, otherRange, otherTotal, noContentRange, longerThanRange

        var testDescription: String { rawValue }
    }

    @Test(arguments: Lie.allCases, [1000, 50_000])
    func `nothing is delivered from a peer that lies`(_ lie: Lie, _ count: Int) throws {
        let bytes = sampleBytes(count)
        let setting = try Setting {
            $0.partByteCount = 10_000
        } _: { request in
            var answer = honestBlob(request, bytes)
            let range = request.headers["range"].flatMap { RangeRequest(parsing: $0)?.resolved(byteCount: count) }
            switch lie {
            case .otherBytes: answer.body = sampleBytes(answer.body.count, seed: 8)
            case .otherLastByte: answer.body[answer.body.count - 1] ^= 1
            case .shorter: answer.body.removeLast()
            case .longer: answer.body.append(0)
            case .otherRange:
                guard let range else { return PeerAnswer(200, [], Array(bytes.dropFirst()) + [0]) }
                answer.headers = [("Content-Range", "bytes \(range.lowerBound + 1)-\(range.upperBound)/\(count)")]
            case .otherTotal:
                guard let range else { return PeerAnswer(200, [("Content-Length", "\(count + 1)")], bytes + [0]) }
                answer.headers = [("Content-Range", ContentRange(range, of: count + 1).description)]
            case .noContentRange:
                guard range != nil else { return PeerAnswer(206, [], bytes) }
                answer.headers = []
            case .longerThanRange:
                guard let range else { return PeerAnswer(200, [], bytes + bytes) }
                answer.body = Array(bytes[range]) + bytes
            }
            return answer
        }
        let error = ociError { _ = try Self.download(setting, Self.descriptor(bytes)) }
        #expect([.digestMismatch, .network].contains(error?.code), "\(String(describing: error))")
    }

    @Test func `garbage instead of an answer is an error of the network or of the protocol`() throws {
        for raw in [
            "", "nonsense", "HTTP/1.1 abc\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        ] {
            let setting = try Setting { _ in .raw(Array(raw.utf8)) }
            let error = ociError { _ = try Self.download(setting, Self.descriptor([1, 2, 3])) }
            #expect([.network, .protocolViolation, .digestMismatch].contains(error?.code), "\(raw)")
        }
    }

    @Test func `an endless header is cut off`() throws {
        let line = "X-Filler: " + String(repeating: "a", count: 2000) + "\r\n"
        let setting = try Setting { _ in
            .raw(Array(("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: 200)).utf8))
        }
        #expect(ociError { _ = try Self.download(setting, Self.descriptor([1])) } != nil)
    }

    @Test func `a peer that stops sending is given up`() throws {
        let bytes = sampleBytes(3000)
        let setting = try Setting {
            $0.transport.stallTimeout = .seconds(1)
            $0.retry.attemptCount = 1
        } _: { _ in
            PeerAnswer(200, [], bytes, pause: .seconds(20))
        }
        let start = ContinuousClock.now
        #expect(ociError { _ = try Self.download(setting, Self.descriptor(bytes)) }?.code == .network)
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test func `what an earlier process fetched is not fetched again`() throws {
        let bytes = sampleBytes(100_000)
        try withTemporaryDirectory { folder in
            let failing = try Setting {
                $0.partByteCount = 10_000
                $0.connectionCount = 1
                $0.retry.attemptCount = 1
            } _: { request in
                let isLate = request.headers["range"]?.hasPrefix("bytes=50000") == true
                return isLate ? PeerAnswer(404) : honestBlob(request, bytes)
            }
            #expect(throws: OCIError.self) {
                try failing.client.downloadBlob(
                    Self.descriptor(bytes), from: failing.repository, to: OutputFile(resuming: "\(folder)/part"))
            }
            let counter = Counter()
            let setting = try Setting {
                $0.partByteCount = 10_000
            } _: { request in
                let answer = honestBlob(request, bytes)
                counter.add(answer.body.count)
                return answer
            }
            let fetched = try setting.client.downloadBlob(
                Self.descriptor(bytes), from: setting.repository, to: OutputFile(resuming: "\(folder)/part"))
            #expect(try InputFile.contents(of: "\(folder)/part", limit: 1 << 20) == bytes)
            #expect(counter.value == 50_000)
            #expect(fetched.fetchedByteCount == 50_000)
        }
    }

    @Test func `a damaged left-over is fetched again, once`() throws {
        let bytes = sampleBytes(30_000)
        try withTemporaryDirectory { folder in
            let part = "\(folder)/part"
            let failing = try Setting {
                $0.partByteCount = 10_000
                $0.connectionCount = 1
                $0.retry.attemptCount = 1
            } _: { request in
                request.headers["range"]?.hasPrefix("bytes=20000") == true
                    ? PeerAnswer(404) : honestBlob(request, bytes)
            }
            #expect(throws: OCIError.self) {
                try failing.client.downloadBlob(
                    Self.descriptor(bytes), from: failing.repository, to: OutputFile(resuming: part))
            }
            try OutputFile(resuming: part).write([UInt8](repeating: 0, count: 100), at: 5000)
            let setting = try Setting {
                $0.partByteCount = 10_000
            } _: {
                honestBlob($0, bytes)
            }
            try setting.client.downloadBlob(
                Self.descriptor(bytes), from: setting.repository, to: OutputFile(resuming: part))
            #expect(try InputFile.contents(of: part, limit: 1 << 20) == bytes)
        }
    }

    @Test func `each chunk of an adapter file is checked as it arrives`() throws {
        try withTemporaryDirectory { folder in
            let adapter = try SampleAdapters.plain(seed: 3, moduleCount: 12, size: 300, rank: 16)
            let path = "\(folder)/a.adpt"
            _ = try AdapterFileWriter.write(adapter, toPath: path)
            let bytes = try InputFile.contents(of: path, limit: 1 << 24)
            let honest = try Setting {
                $0.partByteCount = 20_000
            } _: {
                honestBlob($0, bytes)
            }
            #expect(try Self.download(honest, Self.descriptor(bytes), isAdapterFile: true) == bytes)
            // A chunk that is wrong ends the transfer, long before the whole file's digest could.
            var damaged = bytes
            damaged[bytes.count - 100_000] ^= 1
            let lies = damaged
            let liar = try Setting {
                $0.partByteCount = 20_000
                $0.connectionCount = 1
            } _: {
                honestBlob($0, lies)
            }
            let error = ociError { _ = try Self.download(liar, Self.descriptor(bytes), isAdapterFile: true) }
            #expect(error?.code == .digestMismatch)
            #expect(error?.message.contains("chunk at byte") == true)
            let last = liar.peer.requests.last?.headers["range"].flatMap { RangeRequest(parsing: $0) }
            let end = last?.resolved(byteCount: bytes.count)?.upperBound ?? bytes.count
            #expect(end < bytes.count)
        }
    }

    @Test func `what was verified on the way is not read again`() throws {
        try withTemporaryDirectory { folder in
            func file(_ name: String, seed: UInt64) throws -> [UInt8] {
                let adapter = try SampleAdapters.plain(seed: seed, moduleCount: 12, size: 300, rank: 16)
                _ = try AdapterFileWriter.write(adapter, toPath: "\(folder)/\(name)")
                return try InputFile.contents(of: "\(folder)/\(name)", limit: 1 << 24)
            }
            let bytes = try file("a.adpt", seed: 3)
            let other = try file("b.adpt", seed: 4)
            let setting = try Setting {
                $0.partByteCount = 20_000
            } _: {
                honestBlob($0, bytes)
            }
            let output = try OutputFile(resuming: "\(folder)/part")
            let fetched = try setting.client.downloadBlob(
                Self.descriptor(bytes), from: setting.repository, to: output, isAdapterFile: true)
            // What was read to find the header comes again with its part.
            #expect(fetched.fetchedByteCount >= bytes.count)
            let verification = fetched.verification
            #expect(verification != nil)
            func verify(_ bytes: [UInt8], _ name: String) throws {
                try OutputFile(resuming: "\(folder)/\(name)").write(bytes, at: 0)
                try AdapterFile(opening: "\(folder)/\(name)").verifyContent(arrived: verification)
            }
            try verify(bytes, "same")
            // Only what is read shows damage.
            var damaged = bytes
            damaged[bytes.count / 2] ^= 1
            try verify(damaged, "damaged later")
            #expect(throws: FormatError.self) {
                try AdapterFile(opening: "\(folder)/damaged later").verifyContent()
            }
            // It says nothing about another file.
            try verify(other, "other")
            var otherDamaged = other
            otherDamaged[other.count / 2] ^= 1
            #expect(throws: FormatError.self) { try verify(otherDamaged, "other, damaged") }
        }
    }

    @Test func `a chunk with the right digest that cannot be decoded ends the transfer and is not kept`() throws {
        let names = try Directory.names(in: "\(Fixtures.directory)/malformed").filter { $0.hasPrefix("malformedChunk") }
        #expect(names.count > 10)
        for name in names {
            try withTemporaryDirectory { folder in
                let bytes = try InputFile.contents(of: "\(Fixtures.directory)/malformed/\(name)", limit: 1 << 24)
                let setting = try Setting {
                    $0.partByteCount = max(1, bytes.count / 2)
                } _: {
                    honestBlob($0, bytes)
                }
                let path = "\(folder)/part"
                let error = #expect(throws: FormatError.self, "\(name)") {
                    try setting.client.downloadBlob(
                        Self.descriptor(bytes), from: setting.repository, to: OutputFile(resuming: path),
                        isAdapterFile: true)
                }
                #expect(error?.code == .malformedChunk, "\(name)")
                #expect(Directory.kind(of: path) == nil, "\(name)")
            }
        }
    }

    @Test func `two processes do not fetch into one file`() throws {
        try withTemporaryDirectory { folder in
            let first = try OutputFile(resuming: "\(folder)/part")
            let error = #expect(throws: FileSystemError.self) { try OutputFile(resuming: "\(folder)/part") }
            #expect(error?.code == .locked)
            withExtendedLifetime(first) {}
        }
    }
}
