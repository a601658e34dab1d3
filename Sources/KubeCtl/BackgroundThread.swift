// A thread for calls that block: reading a terminal, waiting for a signal.

import Glibc

enum BackgroundThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Detached; ends with `body`, or with the process.
    static func run(_ body: @escaping @Sendable () -> Void) {
        var thread: pthread_t = pthread_t()
        var attributes: pthread_attr_t = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let context: UnsafeMutableRawPointer = Unmanaged.passRetained(Body(body)).toOpaque()
        let status: Int32 = pthread_create(
            &thread, &attributes,
            { pointer in
                Unmanaged<Body>.fromOpaque(pointer!).takeRetainedValue().run()
                return nil
            }, context)
        pthread_attr_destroy(&attributes)
        if status != 0 { Unmanaged<Body>.fromOpaque(context).release() }
    }
}

enum WindowChanges {
    /// Calls `body` on a thread of its own for every SIGWINCH.
    static func onChange(_ body: @escaping @Sendable () -> Void) {
        var set: sigset_t = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGWINCH)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        BackgroundThread.run {
            var set: sigset_t = sigset_t()
            sigemptyset(&set)
            sigaddset(&set, SIGWINCH)
            var signal: Int32 = 0
            while sigwait(&set, &signal) == 0 { body() }
        }
    }
}
