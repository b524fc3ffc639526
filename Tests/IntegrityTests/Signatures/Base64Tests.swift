import AdapterTesting
import Foundation
import Integrity
import Testing

struct Base64Tests {
    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `the vectors of RFC 4648`(bytes: String, text: String) {
        #expect(Base64.encode(Array(bytes.utf8)) == text)
        #expect(Base64.decode(text) == Array(bytes.utf8))
    }

    @Test func `all lengths agree with Foundation`() {
        var generator = SeededGenerator(seed: 4648)
        for count in 0..<200 {
            let bytes = generator.bytes(count)
            let text = Data(bytes).base64EncodedString()
            #expect(Base64.encode(bytes) == text)
            #expect(Base64.decode(text) == bytes)
        }
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "=", "==", "====", "Z===", "Zg==Zg==", "Z=g=", "Zm9v\n",
        " Zm9v",
        "Zm-v", "Zm_v", "Zm9\u{301}", "Ｚm9v", "Zm9v=", "Z\0==", "Zg=\u{3d}\u{200d}",
    ])
    func `other texts are refused`(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
