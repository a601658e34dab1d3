// An exact amount such as `500m` or `1Gi`: k8s.io/apimachinery/pkg/api/resource.Quantity.

package import KubeWire

/// Held in billionths; smaller fractions are rounded away from zero on parsing, larger values are cut at 2^63-1.
package struct Quantity: Sendable {
    package enum Format: Sendable { case decimalSI, binarySI, decimalExponent }

    package private(set) var nano: Int128
    package private(set) var format: Format

    package static let zero: Quantity = Quantity(milli: 0)
    private static let unit: Int128 = 1_000_000_000
    private static let nanoMax: Int128 = Int128(Int64.max) * unit

    package init(milli: Int64, format: Format = .decimalSI) {
        nano = Int128(milli) * 1_000_000
        self.format = format
    }
    package init(_ value: Int64, format: Format = .decimalSI) {
        nano = Int128(value) * Quantity.unit
        self.format = format
    }
    private init(nano: Int128, format: Format) {
        self.nano = nano
        self.format = format
    }

    /// Why a text is no quantity, in upstream's words.
    package enum Fault: String, Error, Sendable {
        case format = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        case number = "unable to parse numeric part of quantity"
        case suffix = "unable to parse quantity's suffix"
    }

    package init?(_ text: String) {
        guard let q = try? Quantity.parse(text) else { return nil }
        self = q
    }

    /// A JSON string or number; `nil` when it is neither or malformed.
    package init?(_ json: JSON) {
        switch json {
        case .string(let s): self.init(s)
        case .int(let i): self.init(i)
        case .double(let d): self.init("\(d)")
        default: return nil
        }
    }

    package static func parse(_ text: String) throws(Fault) -> Quantity {
        let b: [UInt8] = Array(text.utf8)
        var at: Int = 0
        var isNegative: Bool = false
        if let c = b.first, c == 43 || c == 45 {
            isNegative = c == 45
            at = 1
        }
        var digits: [UInt8] = []
        var fractionCount: Int = 0
        var sawDigit: Bool = false
        var sawPoint: Bool = false
        while at < b.count {
            if b[at] >= 48, b[at] <= 57 {
                sawDigit = true
                if !(digits.isEmpty && b[at] == 48 && !sawPoint) { digits.append(b[at] - 48) }
                if sawPoint { fractionCount += 1 }
            } else if b[at] == 46, !sawPoint {
                sawPoint = true
            } else {
                break
            }
            at += 1
        }
        let suffix: ArraySlice<UInt8> = b[at...]
        let allowed: [UInt8] = Array("eEinumkKMGTP+-0123456789".utf8)
        guard sawDigit else { throw b.isEmpty || !sawPoint ? .format : .number }
        guard suffix.allSatisfy({ allowed.contains($0) }) else { throw .format }
        guard let (base, exponent, format) = interpret(String(decoding: suffix, as: UTF8.self)) else { throw .suffix }
        var magnitude: Int128 = amount(digits: digits, fractionCount: fractionCount, base: base, exponent: exponent)
        if magnitude > nanoMax { magnitude = nanoMax }
        let isSmallBinary: Bool = format == .binarySI && magnitude > 0 && magnitude < unit
        return Quantity(nano: isNegative ? -magnitude : magnitude, format: isSmallBinary ? .decimalSI : format)
    }

    /// digits · 10^-fractionCount · base^exponent in billionths, rounded up, saturating above `nanoMax`.
    private static func amount(digits: [UInt8], fractionCount: Int, base: Int, exponent: Int) -> Int128 {
        let huge: Int128 = nanoMax + 1
        var scale: Int = 9 - fractionCount + (base == 10 ? exponent : 0)
        var n: Int128 = 0
        var losesDigits: Bool = false
        var kept: ArraySlice<UInt8> = digits[...]
        // Digits that can't matter even after the binary factor are folded into the rounding.
        while kept.count > 28, scale < 0 {
            losesDigits = losesDigits || kept.last != 0
            kept = kept.dropLast()
            scale += 1
        }
        for d in kept {
            n = n * 10 + Int128(d)
            if n > huge * 1_000_000_000 { return huge }
        }
        if base == 2 {
            for _ in 0..<exponent {
                n *= 2
                if n > Int128.max / 4 { return huge }
            }
        }
        while scale > 0 {
            n *= 10
            scale -= 1
            if n > huge { return n == 0 ? 0 : huge }
        }
        while scale < 0, n > 0 {
            losesDigits = losesDigits || n % 10 != 0
            n /= 10
            scale += 1
        }
        if scale < 0, digits.contains(where: { $0 != 0 }) { losesDigits = true }
        return losesDigits ? n + 1 : n
    }

    private static let decimalSuffixes: [(String, Int)] = [
        ("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18),
    ]
    private static let binarySuffixes: [String] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]

    private static func interpret(_ suffix: String) -> (base: Int, exponent: Int, format: Format)? {
        if let known = decimalSuffixes.first(where: { $0.0 == suffix }) { return (10, known.1, .decimalSI) }
        if !suffix.isEmpty, let i = binarySuffixes.firstIndex(of: suffix) { return (2, i * 10, .binarySI) }
        guard suffix.utf8.count > 1, let c = suffix.utf8.first, c == 101 || c == 69,
            let exponent = Int(suffix.dropFirst()), abs(exponent) < 1000
        else { return nil }
        return (10, exponent, .decimalExponent)
    }

    /// Rounded away from zero.
    package var value: Int64 { scaled(by: Quantity.unit) }
    /// Thousandths, rounded away from zero.
    package var milliValue: Int64 { scaled(by: 1_000_000) }
    package var asDouble: Double { Double(nano) / 1e9 }
    package var isZero: Bool { nano == 0 }

    private func scaled(by divisor: Int128) -> Int64 {
        let (q, r): (Int128, Int128) = nano.quotientAndRemainder(dividingBy: divisor)
        let rounded: Int128 = r == 0 ? q : q + (nano < 0 ? -1 : 1)
        return Int64(clamping: rounded)
    }

    /// Rounded up to thousandths, as the API server stores resource lists.
    package var roundedUpToMilli: Quantity {
        let (q, r): (Int128, Int128) = nano.quotientAndRemainder(dividingBy: 1_000_000)
        return r == 0 ? self : Quantity(nano: (q + (nano < 0 ? -1 : 1)) * 1_000_000, format: format)
    }

    package static func + (a: Quantity, b: Quantity) -> Quantity {
        Quantity(nano: a.nano + b.nano, format: a.isZero ? b.format : a.format)
    }
    package static func - (a: Quantity, b: Quantity) -> Quantity {
        Quantity(nano: a.nano - b.nano, format: a.isZero ? b.format : a.format)
    }
    package static func += (a: inout Quantity, b: Quantity) { a = a + b }
    package static func -= (a: inout Quantity, b: Quantity) { a = a - b }
    package static prefix func - (a: Quantity) -> Quantity { Quantity(nano: -a.nano, format: a.format) }
}

extension Quantity: Comparable, Hashable {
    package static func == (a: Quantity, b: Quantity) -> Bool { a.nano == b.nano }
    package static func < (a: Quantity, b: Quantity) -> Bool { a.nano < b.nano }
    package func hash(into hasher: inout Hasher) { hasher.combine(nano) }
}

extension Quantity: CustomStringConvertible {
    /// The canonical form: no fraction, the largest suffix that keeps it exact.
    package var description: String {
        if nano == 0 { return "0" }
        if format == .binarySI, nano.magnitude >= 1024 * Quantity.unit.magnitude, nano % Quantity.unit == 0 {
            var n: Int128 = nano / Quantity.unit
            var i: Int = 0
            while n % 1024 == 0, i < 6 {
                n /= 1024
                i += 1
            }
            return "\(n)" + Quantity.binarySuffixes[i]
        }
        var n: Int128 = nano
        var i: Int = 0
        while n % 1000 == 0, i < 9 {
            n /= 1000
            i += 1
        }
        let (suffix, exponent): (String, Int) = Quantity.decimalSuffixes[i]
        if format == .decimalExponent { return exponent == 0 ? "\(n)" : "\(n)e\(exponent)" }
        return "\(n)" + suffix
    }

    package var json: JSON { .string(description) }
}
