// System calls that `import Glibc` hides.
//
// No system header is included here: with _GNU_SOURCE they define types (fd_set) otherwise than Swift's Glibc module does,
// and a file that imports both then doesn't compile. The calls are in CKubeOS.c.
#ifndef CKUBEOS_H
#define CKUBEOS_H

// The kernel's values (linux/sched.h).
enum {
    KUBE_CLONE_FS = 0x00000200,
    KUBE_CLONE_NEWNS = 0x00020000,
    KUBE_CLONE_NEWUTS = 0x04000000,
    KUBE_CLONE_NEWPID = 0x20000000,
    KUBE_CLONE_NEWNET = 0x40000000
};

int kube_unshare(int flags);
int kube_setns(int fd, int type);
int kube_pivot_root(const char *new_root, const char *put_old);
int kube_eventfd(void);
// A pipe that children don't inherit: pipe2(O_CLOEXEC).
int kube_pipe(int ends[2]);
int kube_gettid(void);
int kube_pidfd_open(int pid);
int kube_pidfd_send_signal(int fd, int sig);

// Starts a child with exactly three file descriptors, default signal handlers and an empty signal mask.
// `cwd` may be null. Answers 0 or an errno value.
int kube_spawn(int *pid, const char *path, char *const argv[], char *const envp[], const char *cwd, int in, int out, int err,
               int new_session);

// Waits for one child. Answers its exit code, or 128 + the signal that ended it; -errno when there is no such child.
int kube_wait(int pid);

// Starts a detached thread with `stack` bytes. Answers 0 or an errno value.
int kube_start_thread(void *(*body)(void *), void *argument, unsigned long stack);

int kube_window_size(int fd, unsigned short *columns, unsigned short *rows);

// From now on each `signal` is written as one byte to a pipe; answers its reading end (one pipe for the process).
int kube_catch_signal(int signal);
#endif
