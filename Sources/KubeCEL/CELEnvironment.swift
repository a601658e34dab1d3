// What an expression may name: variables, functions, types.

package struct CELEnvironment: Sendable {
    package let variables: [(name: String, declaration: CELDeclaration)]
    private let index: [String: Int]
    private let hasAuthorizer: Bool
    /// `Object{}` literals and `JSONPatch{}`: mutating policies.
    private let isMutating: Bool

    /// `authorizer`: whether the variables `authorizer` and `authorizer.requestResource` exist.
    package init(
        variables: [(name: String, declaration: CELDeclaration)], authorizer: Bool = false, isMutating: Bool = false
    ) {
        var all: [(name: String, declaration: CELDeclaration)] = variables
        if authorizer {
            all.append(("authorizer", CELDeclaration.of(.opaque("kubernetes.authorization.Authorizer"))))
            all.append(
                ("authorizer.requestResource", CELDeclaration.of(.opaque("kubernetes.authorization.ResourceCheck"))))
        }
        self.variables = all
        index = Dictionary(all.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { $1 })
        hasAuthorizer = authorizer
        self.isMutating = isMutating
    }

    package init(variables: [(name: String, type: CELType)], authorizer: Bool = false) {
        self.init(variables: variables.map { ($0.name, CELDeclaration.of($0.type)) }, authorizer: authorizer)
    }

    package func declaration(_ name: String) -> CELDeclaration? { index[name].map { variables[$0].declaration } }
    func slot(_ name: String) -> Int? { index[name] }
    func overloads(_ name: String) -> [CELOverload]? { CELLibrary.standard.functions[name] }

    /// Types of the libraries that an expression may name.
    var types: [String: CELType] { CELEnvironment.libraryTypes }
    private static let libraryTypes: [String: CELType] = [
        "net.IP": .opaque("net.IP"), "net.CIDR": .opaque("net.CIDR"),
        "kubernetes.Quantity": .opaque("kubernetes.Quantity"), "kubernetes.URL": .opaque("kubernetes.URL"),
        "kubernetes.Semver": .opaque("kubernetes.Semver"),
    ]

    /// The type of `name{…}`; nil: there is none such here.
    func structureType(_ name: String) -> CELType? {
        guard isMutating else { return nil }
        if name == "JSONPatch" { return CELPatches.declaration.type }
        return name == "Object" || name.hasPrefix("Object.") ? .opaque(name) : nil
    }
}
