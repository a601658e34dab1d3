// The second round of mutating admission: what a late plugin changed, earlier ones may see again.

package import KubeWire

/// Travels with one request through its rounds of `admit`; there are two at most.
package struct Reinvocation: Sendable {
    package private(set) var isSecondRound: Bool = false
    /// Somebody changed the object: the round is repeated.
    package private(set) var isWanted: Bool = false
    /// Those that asked for reinvocation and were called, since the last change.
    private var called: Set<String> = []
    private var again: Set<String> = []
    private var lastObject: JSON = .null

    package init() {}

    package mutating func beginSecondRound() { isSecondRound = true }

    /// To be told when webhooks or policies begin: what built-in plugins changed since counts as a change.
    package mutating func begin(with object: JSON) {
        if isSecondRound, object != lastObject { recall() }
    }
    package mutating func end(with object: JSON) { lastObject = object }

    /// Whether one of this id is to be called in this round.
    package func calls(_ id: String) -> Bool { !isSecondRound || again.contains(id) }
    /// The object was changed by somebody.
    package mutating func changed() {
        recall()
        isWanted = true
    }
    /// Called, and wants to be called again when others change the object.
    package mutating func wasCalled(_ id: String) { called.insert(id) }

    private mutating func recall() {
        again.formUnion(called)
        called = []
    }
}
