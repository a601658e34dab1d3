// The process that holds a pod's namespaces: it reaps what is left to it and ends on SIGTERM or SIGINT. No libc.
// Built into Sources/KubeCluster/Images/PauseProgram.swift by scripts/pause.sh.
#if defined(__x86_64__)
static long call(long n, long a, long b, long c, long d) {
    long r;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return r;
}
enum { SIGPROCMASK = 14, SIGTIMEDWAIT = 128, WAIT4 = 61, EXIT = 231 };
#elif defined(__aarch64__)
static long call(long n, long a, long b, long c, long d) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
enum { SIGPROCMASK = 135, SIGTIMEDWAIT = 137, WAIT4 = 260, EXIT = 94 };
#endif
enum { INT = 2, TERM = 15, CHLD = 17 };

void _start(void) {
    unsigned long set = 1ul << (INT - 1) | 1ul << (TERM - 1) | 1ul << (CHLD - 1);
    call(SIGPROCMASK, 0, (long)&set, 0, 8);
    for (;;) {
        long got = call(SIGTIMEDWAIT, (long)&set, 0, 0, 8);
        if (got == INT || got == TERM) call(EXIT, 0, 0, 0, 0);
        while (call(WAIT4, -1, 0, 1 /* WNOHANG */, 0) > 0) {}
    }
}
