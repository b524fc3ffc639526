internal import ArgumentParser
internal import Charts
internal import FileSystem

/// Where pictures go: an SVG, or an HTML page with a section for each.
struct PictureFile {
    private let path: String
    private let isPage: Bool

    /// - Throws: `ValidationError` for an ending that names neither.
    init(_ path: String) throws {
        self.path = path
        isPage = [".html", ".htm"].contains(where: path.lowercased().hasSuffix)
        guard isPage || path.lowercased().hasSuffix(".svg") else {
            throw ValidationError("Pictures are written as .svg or .html, '\(Format.printable(path))' is neither.")
        }
    }

    /// Writes the pictures, whole or not at all.
    func write(_ charts: [any Chart], title: String) throws {
        let text =
            isPage
            ? Page(title: title, sections: charts.map { Page.Section($0.title, [.chart($0)]) }).html()
            : charts.count == 1 ? charts[0].svg() : ChartColumn(title: title, charts).svg()
        try PictureFile.write(text, to: path)
    }

    /// Writes a document, whole or not at all.
    static func write(_ text: String, to path: String) throws {
        let file = try OutputFile(beside: path)
        try file.write(Array(text.utf8))
        try file.commit(as: path)
    }
}
