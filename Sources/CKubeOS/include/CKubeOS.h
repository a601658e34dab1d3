// System calls that `import Glibc` hides; inline, so that no C is compiled twice.
#ifndef CKUBEOS_H
#define CKUBEOS_H
#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/mount.h>
static inline int kube_unshare(int flags) { return unshare(flags); }
static inline int kube_setns(int fd, int type) { return setns(fd, type); }
static inline int kube_pivot_root(const char *new_root, const char *put_old) {
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}
#endif
