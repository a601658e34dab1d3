// Sets of completion indexes in their API form: `0-3,7`.

/// Sorted, as intervals would be costly to keep right and jobs have at most 100,000 indexes.
struct IndexSet: Sendable, Equatable {
    private(set) var indexes: Set<Int> = []

    init(_ indexes: Set<Int> = []) { self.indexes = indexes }

    /// Malformed parts and indexes of `limit` or more are left out.
    init(text: String, limit: Int) {
        for part in text.split(separator: ",") {
            let ends: [Int] = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last, ends.count <= 2, first >= 0 else {
                continue
            }
            for i in first...min(last, max(first, limit - 1)) where i < limit { indexes.insert(i) }
        }
    }

    var count: Int { indexes.count }
    func contains(_ i: Int) -> Bool { indexes.contains(i) }
    mutating func insert(_ i: Int) { indexes.insert(i) }

    /// Two or more in a row are written as a range.
    var text: String {
        var parts: [String] = []
        var start: Int?
        var end: Int = 0
        func close() {
            guard let s = start else { return }
            parts.append(s == end ? "\(s)" : s + 1 == end ? "\(s),\(end)" : "\(s)-\(end)")
        }
        for i in indexes.sorted() {
            if start != nil, i == end + 1 {
                end = i
                continue
            }
            close()
            start = i
            end = i
        }
        close()
        return parts.joined(separator: ",")
    }
}
