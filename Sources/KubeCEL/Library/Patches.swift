// What mutating policies build: `JSONPatch{…}` and `jsonpatch.escapeKey`.

package enum CELPatches {
    /// What `Object{…}` gives: an apply configuration.
    package static let objectType: CELType = .opaque("Object")
    package static let listType: CELType = .list(declaration.type)
    static let declaration: CELDeclaration = .object(
        "JSONPatch",
        [
            ("op", .of(.string)), ("path", .of(.string)), ("from", .of(.string)), ("value", .dyn),
        ])

    static func add(to l: inout CELLibrary) {
        l.add("jsonpatch.escapeKey", "(string) string", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            var out: String = ""
            for c in try CELStrings.text(a[0]).unicodeScalars {
                switch c {
                case "~": out += "~0"
                case "/": out += "~1"
                default: out.unicodeScalars.append(c)
                }
            }
            return .string(out)
        }
    }
}
