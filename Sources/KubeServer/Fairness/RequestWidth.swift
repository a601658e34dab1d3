// How many seats a request takes: lists by the objects they read, writes by the watchers they wake.

/// Seats while it runs, and seats that stay taken for a while after it: upstream's work estimate.
struct RequestWidth: Sendable, Equatable {
    var seats: Int = 1
    var extraSeats: Int = 0
    var extraNanoseconds: Int64 = 0

    static let objectsPerSeat: Int = 100
    /// Upstream: 10, and 5 ms; telling a watcher here is a copy of bytes (0.1 µs against some 100 µs).
    static let watchersPerSeat: Int = 100
    static let seatsMax: Int = 10
    /// A list may take this part of its level's own seats at most.
    static let partMax: Double = 0.15
    /// How long a write's seats for watchers stay taken after its end.
    static let tellingNanoseconds: Int64 = 200_000

    /// Seat-seconds in the guess before it runs.
    var work: Double { FairQueues.guessSeconds * Double(seats) + extraWork }
    var extraWork: Double { Double(extraSeats) * Double(extraNanoseconds) * 1e-9 }

    static func list(objects: Int, limit: Int, nominalSeats: Int) -> RequestWidth {
        // A page is read to twice its length at most: selectors drop objects.
        let read: Int = limit > 0 ? min(objects, limit > objects / 2 ? objects : limit * 2) : objects
        let top: Int = min(seatsMax, max(1, Int((Double(nominalSeats) * partMax).rounded(.up))))
        return RequestWidth(seats: min(max(1, (read + objectsPerSeat - 1) / objectsPerSeat), top))
    }

    static func write(watchers: Int) -> RequestWidth {
        guard watchers >= watchersPerSeat else { return RequestWidth() }
        let seats: Int = min(seatsMax, watchers / watchersPerSeat)
        return RequestWidth(seats: 1, extraSeats: seats, extraNanoseconds: tellingNanoseconds)
    }
}
