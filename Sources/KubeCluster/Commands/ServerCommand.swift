enum ServerCommand { static func run(_ a: [String]) async throws {} }
