import Foundation
import FoundationXML

/// An SVG as an XML parser sees it.
final class SVGReading: NSObject, XMLParserDelegate {
    struct Element {
        let name: String
        let attributes: [String: String]
        var text = ""

        func number(_ name: String) -> Double? { attributes[name].flatMap(Double.init) }
    }

    private(set) var elements: [Element] = []
    private(set) var error: (any Error)?
    private var open: [Int] = []

    init(_ svg: String) {
        super.init()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = self
        if !parser.parse() { error = parser.parserError ?? CocoaError(.fileReadCorruptFile) }
    }

    func named(_ name: String) -> [Element] { elements.filter { $0.name == name } }

    /// Texts of all elements of that name.
    func texts(_ name: String) -> [String] { named(name).map(\.text) }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        open.append(elements.count)
        elements.append(Element(name: name, attributes: attributes))
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        if let last = open.last { elements[last].text += string }
    }

    func parser(
        _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
        open.removeLast()
    }
}

/// Names that try to break out of whatever they are put into.
let hostileNames = [
    "</title><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'onload='alert(1)", "]]>", "<!--",
    "&lt;&#0;",
    "\u{0}\u{1B}[31m", "\u{202E}drow", "\u{FFFE}", "</style><style>*{display:none}", "line\nbreak", "",
    String(repeating: "long ", count: 400), "模型.层.十二.注意力", "e\u{301}\u{300}",
]
