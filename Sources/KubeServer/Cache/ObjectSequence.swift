// The objects of one resource in the order of lists, as a value: a snapshot costs nothing, a change copies one chunk.

/// Sorted by path, byte for byte, in chunks of at most `chunkMax`. Snapshots share chunks with what comes after them, so a
/// write during a list of 100,000 objects copies some hundred references and not all of them.
package struct ObjectSequence: Sendable {
    static let chunkMax: Int = 512

    /// None is empty.
    fileprivate var chunks: [[StoredObject]] = []
    package private(set) var count: Int = 0

    package init() {}

    static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

    /// Where `path` is, or would be; the item may be just behind the last of its chunk.
    fileprivate func place(of path: String) -> Place {
        var low: Int = 0
        var high: Int = chunks.count
        // The last chunk whose first object does not come after the path.
        while low < high {
            let middle: Int = (low + high) / 2
            if ObjectSequence.precedes(path, chunks[middle][0].path) { high = middle } else { low = middle + 1 }
        }
        guard low > 0 else { return Place(chunk: 0, item: 0) }
        let chunk: Int = low - 1
        return Place(chunk: chunk, item: ObjectSequence.position(of: path, in: chunks[chunk]))
    }

    private static func position(of path: String, in chunk: [StoredObject]) -> Int {
        var low: Int = 0
        var high: Int = chunk.count
        while low < high {
            let middle: Int = (low + high) / 2
            if precedes(chunk[middle].path, path) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func holds(_ path: String, at place: Place) -> Bool {
        place.chunk < chunks.count && place.item < chunks[place.chunk].count
            && chunks[place.chunk][place.item].path == path
    }

    /// Adds the object, or puts it in the place of the one with its path.
    package mutating func set(_ object: StoredObject) {
        let at: Place = place(of: object.path)
        if holds(object.path, at: at) {
            chunks[at.chunk][at.item] = object
            return
        }
        count += 1
        guard !chunks.isEmpty else {
            chunks = [[object]]
            return
        }
        let isLast: Bool = at.chunk == chunks.count - 1 && at.item == chunks[at.chunk].count
        if isLast, chunks[at.chunk].count >= ObjectSequence.chunkMax {
            // Names that grow fill their chunks.
            chunks.append([object])
            return
        }
        chunks[at.chunk].insert(object, at: at.item)
        guard chunks[at.chunk].count > ObjectSequence.chunkMax else { return }
        let half: Int = ObjectSequence.chunkMax / 2
        let upper: [StoredObject] = Array(chunks[at.chunk][half...])
        chunks[at.chunk].removeSubrange(half...)
        chunks.insert(upper, at: at.chunk + 1)
    }

    package mutating func remove(_ path: String) {
        let at: Place = place(of: path)
        guard holds(path, at: at) else { return }
        chunks[at.chunk].remove(at: at.item)
        if chunks[at.chunk].isEmpty { chunks.remove(at: at.chunk) }
        count -= 1
    }

    /// Those under `folder` (`NAMESPACE/`, or empty for all) whose path comes after `start` (empty: from the first).
    package func slice(folder: String, after start: String = "") -> ObjectSlice {
        var low: Place = Place(chunk: 0, item: 0)
        var high: Place = Place(chunk: chunks.count, item: 0)
        if !folder.isEmpty {
            low = normal(place(of: folder))
            // '0' follows '/' in ASCII: the first path after the folder.
            high = normal(place(of: String(folder.dropLast()) + "0"))
        }
        if !start.isEmpty {
            var after: Place = normal(place(of: start))
            if holds(start, at: after) { after = normal(Place(chunk: after.chunk, item: after.item + 1)) }
            low = max(low, after)
        }
        return ObjectSlice(chunks: chunks, startIndex: min(low, high), endIndex: high)
    }

    /// Never behind a chunk's last item.
    private func normal(_ place: Place) -> Place {
        guard place.chunk < chunks.count, place.item >= chunks[place.chunk].count else { return place }
        return Place(chunk: place.chunk + 1, item: 0)
    }
}

package struct Place: Comparable, Sendable {
    var chunk: Int
    var item: Int
    package static func < (a: Place, b: Place) -> Bool { (a.chunk, a.item) < (b.chunk, b.item) }
}

/// A run of the objects at one moment.
package struct ObjectSlice: Collection, Sendable {
    private let chunks: [[StoredObject]]
    package let startIndex: Place
    package let endIndex: Place

    fileprivate init(chunks: [[StoredObject]], startIndex: Place, endIndex: Place) {
        self.chunks = chunks
        self.startIndex = startIndex
        self.endIndex = endIndex
    }

    package subscript(_ place: Place) -> StoredObject { chunks[place.chunk][place.item] }

    package func index(after place: Place) -> Place {
        place.item + 1 < chunks[place.chunk].count
            ? Place(chunk: place.chunk, item: place.item + 1) : Place(chunk: place.chunk + 1, item: 0)
    }

    package var count: Int {
        var total: Int = endIndex.item - startIndex.item
        for chunk in chunks[startIndex.chunk..<endIndex.chunk] { total += chunk.count }
        return total
    }

    /// All of them in one array.
    package var array: [StoredObject] {
        var all: [StoredObject] = []
        all.reserveCapacity(count)
        for chunk in startIndex.chunk...endIndex.chunk where chunk < chunks.count {
            let low: Int = chunk == startIndex.chunk ? startIndex.item : 0
            let high: Int = chunk == endIndex.chunk ? endIndex.item : chunks[chunk].count
            all += chunks[chunk][low..<high]
        }
        return all
    }
}
