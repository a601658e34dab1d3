enum AgentCommand { static func run(_ a: [String]) async throws {} }
