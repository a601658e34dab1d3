// The sets library of cel-go.

enum CELSets {
    static func add(to l: inout CELLibrary) {
        l.add("sets.contains", "(list(A), list(A)) bool", cost: .product(1)) { (a, _) throws(CELError) in
            .bool(contains(try CELLists.values(a[0]), try CELLists.values(a[1])))
        }
        l.add("sets.intersects", "(list(A), list(A)) bool", cost: .product(1)) { (a, _) throws(CELError) in
            let one: [CELValue] = try CELLists.values(a[0])
            let other: [CELValue] = try CELLists.values(a[1])
            return .bool(one.contains { v in other.contains { CELValue.equal(v, $0) } })
        }
        l.add("sets.equivalent", "(list(A), list(A)) bool", cost: .product(2)) { (a, _) throws(CELError) in
            let one: [CELValue] = try CELLists.values(a[0])
            let other: [CELValue] = try CELLists.values(a[1])
            return .bool(contains(one, other) && contains(other, one))
        }
    }

    private static func contains(_ all: [CELValue], _ some: [CELValue]) -> Bool {
        some.allSatisfy { v in all.contains { CELValue.equal(v, $0) } }
    }
}
