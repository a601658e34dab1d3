// The calls of CKubeOS.h, and the one piece of state: the pipe that a signal handler writes to.
#define _GNU_SOURCE
#include "CKubeOS.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

_Static_assert(KUBE_CLONE_FS == CLONE_FS && KUBE_CLONE_NEWNS == CLONE_NEWNS && KUBE_CLONE_NEWUTS == CLONE_NEWUTS
                   && KUBE_CLONE_NEWPID == CLONE_NEWPID && KUBE_CLONE_NEWNET == CLONE_NEWNET,
               "CKubeOS.h must have the kernel's values");

int kube_unshare(int flags) { return unshare(flags); }
int kube_setns(int fd, int type) { return setns(fd, type); }
int kube_pivot_root(const char *new_root, const char *put_old) {
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}
int kube_eventfd(void) { return eventfd(0, EFD_CLOEXEC); }
int kube_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }
int kube_gettid(void) { return (int)syscall(SYS_gettid); }
int kube_pidfd_open(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
int kube_pidfd_send_signal(int fd, int sig) {
    return (int)syscall(SYS_pidfd_send_signal, fd, sig, 0, 0);
}

// Starts a child with exactly three file descriptors, default signal handlers and an empty signal mask.
// `cwd` may be NULL. Answers 0 or an errno value.
int kube_spawn(int *pid, const char *path, char *const argv[], char *const envp[], const char *cwd,
                             int in, int out, int err, int new_session) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int rc;
    if ((rc = posix_spawn_file_actions_init(&actions)) != 0) return rc;
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigfillset(&all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (new_session) flags |= POSIX_SPAWN_SETSID;
    posix_spawnattr_setflags(&attributes, flags);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (cwd) posix_spawn_file_actions_addchdir_np(&actions, cwd);
    pid_t child = 0;
    rc = posix_spawn(&child, path, &actions, &attributes, argv, envp);
    *pid = (int)child;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

// Waits for one child. Answers its exit code, or 128 + the signal that ended it; -errno when there is no such child.
int kube_wait(int pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return -errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int kube_window_size(int fd, unsigned short *columns, unsigned short *rows) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -errno;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return 0;
}

int kube_start_thread(void *(*body)(void *), void *argument, unsigned long stack) {
    pthread_attr_t attributes;
    pthread_t thread;
    int rc;
    if ((rc = pthread_attr_init(&attributes)) != 0) return rc;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, stack);
    rc = pthread_create(&thread, &attributes, body, argument);
    pthread_attr_destroy(&attributes);
    return rc;
}

static int signal_pipe[2] = {-1, -1};

static void on_signal(int number) {
    int saved = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t written = write(signal_pipe[1], &byte, 1);
    (void)written;
    errno = saved;
}

int kube_catch_signal(int number) {
    if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC) < 0) return -errno;
    struct sigaction action = {0};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    if (sigaction(number, &action, 0) < 0) return -errno;
    return signal_pipe[0];
}
