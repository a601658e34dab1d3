// The API server's quantity library: `quantity('1Gi').isGreaterThan(quantity('1G'))`.

package import KubeModel
package import KubeWire

package struct CELQuantity: CELOpaque {
    package let quantity: Quantity
    package var type: CELType { .opaque("kubernetes.Quantity") }
    package func isEqual(_ other: any CELOpaque) -> Bool { (other as? CELQuantity)?.quantity == quantity }
    package var json: JSON? { quantity.json }

    private static func of(_ v: CELValue) throws(CELError) -> Quantity {
        guard case .opaque(let o) = v, let q = o as? CELQuantity else { throw .noSuchOverload }
        return q.quantity
    }

    static func add(to l: inout CELLibrary) {
        let t: String = "kubernetes.Quantity"
        l.add("quantity", "(string) \(t)", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            let text: String = try CELStrings.text(a[0])
            do throws(Quantity.Fault) {
                return .opaque(CELQuantity(quantity: try Quantity.parse(text)))
            } catch {
                throw .runtime(error.rawValue)
            }
        }
        l.add("isQuantity", "(string) bool", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            .bool(Quantity(try CELStrings.text(a[0])) != nil)
        }
        l.add("sign", "\(t).() int") { (a, _) throws(CELError) in
            .int(Int64(try of(a[0]).nano.signum()))
        }
        l.add("isInteger", "\(t).() bool") { (a, _) throws(CELError) in .bool(exact(try of(a[0])) != nil) }
        l.add("asInteger", "\(t).() int") { (a, _) throws(CELError) in
            guard let n = exact(try of(a[0])) else { throw .runtime("cannot convert value to integer") }
            return .int(n)
        }
        l.add("asApproximateFloat", "\(t).() double") { (a, _) throws(CELError) in .double(try of(a[0]).asDouble) }
        l.add("isGreaterThan", "\(t).(\(t)) bool") { (a, _) throws(CELError) in .bool(try of(a[0]) > of(a[1])) }
        l.add("isLessThan", "\(t).(\(t)) bool") { (a, _) throws(CELError) in .bool(try of(a[0]) < of(a[1])) }
        l.add("compareTo", "\(t).(\(t)) int") { (a, _) throws(CELError) in
            let x: Quantity = try of(a[0])
            let y: Quantity = try of(a[1])
            return .int(x < y ? -1 : x == y ? 0 : 1)
        }
        for (name, sign) in [("add", Int64(1)), ("sub", -1)] {
            l.add(name, "\(t).(\(t)) \(t)") { (a, _) throws(CELError) in
                let y: Quantity = try of(a[1])
                return .opaque(CELQuantity(quantity: sign > 0 ? try of(a[0]) + y : try of(a[0]) - y))
            }
            l.add(name, "\(t).(int) \(t)") { (a, _) throws(CELError) in
                guard case .int(let i) = a[1] else { throw .noSuchOverload }
                let x: Quantity = try of(a[0])
                return .opaque(CELQuantity(quantity: sign > 0 ? x + Quantity(i) : x - Quantity(i)))
            }
        }
    }

    private static func exact(_ q: Quantity) -> Int64? {
        let (whole, rest): (Int128, Int128) = q.nano.quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest == 0 ? Int64(exactly: whole) : nil
    }
}
