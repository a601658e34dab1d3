// The engine without a disk: for tests and throw-away clusters.

extension LogStore {
    /// Nothing survives `close`.
    package static func memory(limits: StoreLimits = StoreLimits()) -> LogStore {
        LogStore(limits: limits) { MemoryMedium() }
    }
}

private final class MemoryMedium: Medium {
    func open(_ row: (Row) -> Void) throws(StoreError) -> Kept { Kept() }
    func apply(_ transaction: Transaction) throws(StoreError) {}
    var fileBytes: Int { 0 }
    func close() {}
}
