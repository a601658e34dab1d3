// The language by examples: expression, value.

import KubeCEL
import KubeWire
import Testing

@Suite struct LanguageTests {
    @Test func adds() throws {
        let p = try CELProgram("1 + 2 == 3", CELEnvironment(variables: [(name: String, type: CELType)]()))
        var budget = CELBudget()
        #expect(try p.evaluate([:], limit: &budget).asBool == true)
    }
}
