internal import AdapterFormat
internal import AdapterInterchange
internal import AdapterRegistry
internal import Adapters
internal import FileSystem

/// What an argument names: a stored adapter or something on disk.
enum Subject {
    case reference(Reference)
    case path(String)

    /// A path starts with `.` or `/` or exists; everything else is a reference.
    init(parsing text: String) throws {
        if text.hasPrefix(".") || text.hasPrefix("/") || Directory.kind(of: text) != nil {
            self = .path(text)
        } else {
            self = .reference(try Reference(parsing: text))
        }
    }
}

/// A reference with a weight, `team/a:v1=0.7`; the weight is 1 when it is left out.
struct WeightedReference {
    let text: String
    let subject: Subject
    let weight: Double

    init(parsing text: String) throws {
        if let equals = text.lastIndex(of: "="), !text[equals...].contains("/") {
            let number = String(text[text.index(after: equals)...])
            guard let weight = Double(number), weight.isFinite else {
                throw InputError.malformedWeight(text)
            }
            self.text = String(text[..<equals])
            self.weight = weight
        } else {
            self.text = text
            weight = 1
        }
        subject = try Subject(parsing: self.text)
    }
}
