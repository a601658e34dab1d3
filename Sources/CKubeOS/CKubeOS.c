// The one piece of state: the pipe that a signal handler writes to.
#include "CKubeOS.h"

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
