// The API server's semver library: semantic versions 2.0.0.

package import KubeWire

package struct CELVersion: CELOpaque {
    let major: Int64
    let minor: Int64
    let patch: Int64
    let prerelease: [String]
    let build: [String]

    package var type: CELType { .opaque("kubernetes.Semver") }
    package func isEqual(_ other: any CELOpaque) -> Bool {
        guard let other = other as? CELVersion else { return false }
        return CELVersion.compare(self, other) == 0
    }
    package var json: JSON? { .string(text) }

    private var text: String {
        "\(major).\(minor).\(patch)" + (prerelease.isEmpty ? "" : "-" + prerelease.joined(separator: "."))
            + (build.isEmpty ? "" : "+" + build.joined(separator: "."))
    }

    /// `normalises`: a leading `v`, missing minor and patch, and leading zeros are mended first.
    init?(_ text: String, normalises: Bool = false) {
        var rest: Substring = text[...]
        if normalises, rest.hasPrefix("v") || rest.hasPrefix("V") { rest = rest.dropFirst() }
        var build: [String] = []
        if let plus = rest.firstIndex(of: "+") {
            build = rest[rest.index(after: plus)...].split(separator: ".", omittingEmptySubsequences: false).map {
                String($0)
            }
            rest = rest[..<plus]
        }
        var prerelease: [String] = []
        if let dash = rest.firstIndex(of: "-") {
            prerelease = rest[rest.index(after: dash)...].split(separator: ".", omittingEmptySubsequences: false).map {
                String($0)
            }
            rest = rest[..<dash]
        }
        var numbers: [Int64] = []
        for part in rest.split(separator: ".", omittingEmptySubsequences: false) {
            guard !part.isEmpty, CELVersion.isNumber(part), let n = Int64(part), normalises || part == "\(n)" else {
                return nil
            }
            numbers.append(n)
        }
        if normalises { while (1...2).contains(numbers.count), prerelease.isEmpty, build.isEmpty { numbers.append(0) } }
        guard numbers.count == 3, (prerelease + build).allSatisfy({ CELVersion.isIdentifier($0) }),
            prerelease.allSatisfy({ !CELVersion.isNumber($0) || $0 == "0" || !$0.hasPrefix("0") })
        else { return nil }
        (major, minor, patch) = (numbers[0], numbers[1], numbers[2])
        self.prerelease = prerelease
        self.build = build
    }

    private static func isNumber(_ s: some StringProtocol) -> Bool { s.utf8.allSatisfy { (48...57).contains($0) } }
    private static func isIdentifier(_ s: String) -> Bool {
        !s.isEmpty
            && s.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
            }
    }

    static func compare(_ a: CELVersion, _ b: CELVersion) -> Int {
        for (x, y) in [(a.major, b.major), (a.minor, b.minor), (a.patch, b.patch)] where x != y {
            return x < y ? -1 : 1
        }
        if a.prerelease.isEmpty || b.prerelease.isEmpty {
            return a.prerelease.isEmpty ? (b.prerelease.isEmpty ? 0 : 1) : -1
        }
        for (x, y) in zip(a.prerelease, b.prerelease) where x != y {
            switch (isNumber(x), isNumber(y)) {
            case (true, true):
                return x.utf8.count != y.utf8.count ? (x.utf8.count < y.utf8.count ? -1 : 1) : x < y ? -1 : 1
            case (true, false): return -1
            case (false, true): return 1
            default: return CELValue.lessBytes(x, y) ? -1 : 1
            }
        }
        return a.prerelease.count == b.prerelease.count ? 0 : a.prerelease.count < b.prerelease.count ? -1 : 1
    }

    private static func of(_ v: CELValue) throws(CELError) -> CELVersion {
        guard case .opaque(let o) = v, let s = o as? CELVersion else { throw .noSuchOverload }
        return s
    }

    static func add(to l: inout CELLibrary) {
        let t: String = "kubernetes.Semver"
        let make: CELCall = { (a, _) throws(CELError) in
            let s: String = try CELStrings.text(a[0])
            guard let v = CELVersion(s, normalises: a.count > 1 && a[1].asBool == true) else {
                throw .runtime("Invalid character(s) found or malformed version \"\(s)\"")
            }
            return .opaque(v)
        }
        l.add("semver", "(string) \(t)", cost: .traverse(0.1), make)
        l.add("semver", "(string, bool) \(t)", cost: .traverse(0.1), make)
        let test: CELCall = { (a, _) throws(CELError) in
            .bool(CELVersion(try CELStrings.text(a[0]), normalises: a.count > 1 && a[1].asBool == true) != nil)
        }
        l.add("isSemver", "(string) bool", cost: .traverse(0.1), test)
        l.add("isSemver", "(string, bool) bool", cost: .traverse(0.1), test)
        l.add("isGreaterThan", "\(t).(\(t)) bool") { (a, _) throws(CELError) in
            .bool(compare(try of(a[0]), try of(a[1])) > 0)
        }
        l.add("isLessThan", "\(t).(\(t)) bool") { (a, _) throws(CELError) in
            .bool(compare(try of(a[0]), try of(a[1])) < 0)
        }
        l.add("compareTo", "\(t).(\(t)) int") { (a, _) throws(CELError) in
            .int(Int64(compare(try of(a[0]), try of(a[1]))))
        }
        l.add("major", "\(t).() int") { (a, _) throws(CELError) in .int(try of(a[0]).major) }
        l.add("minor", "\(t).() int") { (a, _) throws(CELError) in .int(try of(a[0]).minor) }
        l.add("patch", "\(t).() int") { (a, _) throws(CELError) in .int(try of(a[0]).patch) }
    }
}
