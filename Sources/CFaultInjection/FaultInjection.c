#define _GNU_SOURCE
#include "CFaultInjection.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls;

static long number(const char *name, long fallback) {
    const char *text = getenv(name);
    return text ? atol(text) : fallback;
}

static int is_below_root(const char *path) {
    const char *root = getenv("FAULT_ROOT");
    return root && path && strstr(path, root) != 0;
}

static int concerns(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t count = syscall(SYS_readlink, link, path, sizeof path - 1);
    if (count <= 0) return 0;
    path[count] = 0;
    return is_below_root(path);
}

/// Counts a call; 1 when it shall fail, with errno set. Does not return when the process shall die.
static int fails(int is_write, int descriptor, const void *bytes, size_t count, off_t offset) {
    if (atomic_fetch_add(&calls, 1) + 1 != number("FAULT_AT", 0)) return 0;
    const char *mode = getenv("FAULT_MODE");
    if (mode && strcmp(mode, "kill") == 0) {
        // Half a write is what a power failure leaves of one.
        if (is_write && count > 1) {
            if (offset >= 0) syscall(SYS_pwrite64, descriptor, bytes, count / 2, offset);
            else syscall(SYS_write, descriptor, bytes, count / 2);
        }
        kill(getpid(), SIGKILL);
        pause();
    }
    errno = (int)number("FAULT_ERRNO", EIO);
    return 1;
}

static int path_fails(const char *path) { return is_below_root(path) && fails(0, -1, 0, 0, 0); }
static int file_fails(int descriptor) { return concerns(descriptor) && fails(0, -1, 0, 0, 0); }


static int open_at(const char *path, int flags, mode_t mode) {
    if (path_fails(path)) return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_at(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return open_at(path, flags | O_LARGEFILE, mode);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    if (concerns(descriptor) && fails(1, descriptor, bytes, count, -1)) return -1;
    return syscall(SYS_write, descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    if (concerns(descriptor) && fails(1, descriptor, bytes, count, offset)) return -1;
    return syscall(SYS_pwrite64, descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    return pwrite(descriptor, bytes, count, offset);
}

ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
    if (file_fails(descriptor)) return -1;
    return syscall(SYS_pread64, descriptor, bytes, count, offset);
}

ssize_t pread64(int descriptor, void *bytes, size_t count, off64_t offset) {
    return pread(descriptor, bytes, count, offset);
}

int fsync(int descriptor) { return file_fails(descriptor) ? -1 : (int)syscall(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return file_fails(descriptor) ? -1 : (int)syscall(SYS_fdatasync, descriptor); }
int ftruncate(int descriptor, off_t length) {
    return file_fails(descriptor) ? -1 : (int)syscall(SYS_ftruncate, descriptor, length);
}
int ftruncate64(int descriptor, off64_t length) { return ftruncate(descriptor, length); }
int fchmod(int descriptor, mode_t mode) {
    return file_fails(descriptor) ? -1 : (int)syscall(SYS_fchmod, descriptor, mode);
}
int rename(const char *path, const char *new_path) {
    return path_fails(new_path) ? -1 : (int)syscall(SYS_renameat, AT_FDCWD, path, AT_FDCWD, new_path);
}
int link(const char *path, const char *new_path) {
    return path_fails(new_path) ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, new_path, 0);
}
int unlink(const char *path) { return path_fails(path) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0); }
int rmdir(const char *path) {
    return path_fails(path) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}
int mkdir(const char *path, mode_t mode) {
    return path_fails(path) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

__attribute__((destructor)) static void report(void) {
    const char *log = getenv("FAULT_LOG");
    if (!log) return;
    char text[32];
    int count = snprintf(text, sizeof text, "%ld", atomic_load(&calls));
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (descriptor < 0) return;
    syscall(SYS_write, descriptor, text, count);
    close(descriptor);
}
