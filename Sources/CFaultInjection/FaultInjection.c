#define _GNU_SOURCE
#include "CFaultInjection.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
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


// The trace: what was changed, in order. A call and its line are one step for all threads.

static pthread_mutex_t tracing = PTHREAD_MUTEX_INITIALIZER;

/// Takes the trace's lock; 0 when nothing is traced.
static int begins(int concerned) {
    if (!concerned || !getenv("FAULT_TRACE")) return 0;
    pthread_mutex_lock(&tracing);
    return 1;
}

/// Writes a line, and the bytes that belong to it, and releases the lock.
static void ends(int isTraced, int isDone, const void *bytes, size_t count, const char *format, ...) {
    if (!isTraced) return;
    int reason = errno;
    if (isDone) {
        static int trace = -1;
        if (trace < 0) {
            const char *path = getenv("FAULT_TRACE");
            trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        }
        char line[9000];
        va_list arguments;
        va_start(arguments, format);
        int length = vsnprintf(line, sizeof line, format, arguments);
        va_end(arguments);
        syscall(SYS_write, trace, line, length);
        if (count > 0) syscall(SYS_write, trace, bytes, count);
    }
    pthread_mutex_unlock(&tracing);
    errno = reason;
}

static unsigned long inode(int descriptor) {
    struct stat status;
    return syscall(SYS_newfstatat, descriptor, "", &status, AT_EMPTY_PATH) == 0 ? status.st_ino : 0;
}

static int open_at(const char *path, int flags, mode_t mode) {
    if (path_fails(path)) return -1;
    int traced = begins(flags & O_CREAT && is_below_root(path));
    int existed = traced && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    ends(traced, descriptor >= 0 && !existed, 0, 0, "create\t%lu\t%s\n", inode(descriptor), path);
    return descriptor;
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
    int traced = begins(concerns(descriptor));
    ssize_t done = syscall(SYS_write, descriptor, bytes, count);
    long end = traced ? syscall(SYS_lseek, descriptor, 0, SEEK_CUR) : 0;
    ends(traced, done > 0, bytes, done > 0 ? done : 0, "write\t%lu\t%ld\t%ld\n", inode(descriptor), end - done, done);
    return done;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    if (concerns(descriptor) && fails(1, descriptor, bytes, count, offset)) return -1;
    int traced = begins(concerns(descriptor));
    ssize_t done = syscall(SYS_pwrite64, descriptor, bytes, count, offset);
    ends(
        traced, done > 0, bytes, done > 0 ? done : 0, "write\t%lu\t%ld\t%ld\n", inode(descriptor), (long)offset, done);
    return done;
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

static int flush(long call, int descriptor) {
    if (file_fails(descriptor)) return -1;
    int traced = begins(concerns(descriptor));
    int result = (int)syscall(call, descriptor);
    ends(traced, result == 0, 0, 0, "flush\t%lu\n", inode(descriptor));
    return result;
}

int fsync(int descriptor) { return flush(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return flush(SYS_fdatasync, descriptor); }
int ftruncate(int descriptor, off_t length) {
    if (file_fails(descriptor)) return -1;
    int traced = begins(concerns(descriptor));
    int result = (int)syscall(SYS_ftruncate, descriptor, length);
    ends(traced, result == 0, 0, 0, "cut\t%lu\t%ld\n", inode(descriptor), (long)length);
    return result;
}
int ftruncate64(int descriptor, off64_t length) { return ftruncate(descriptor, length); }
int fchmod(int descriptor, mode_t mode) {
    return file_fails(descriptor) ? -1 : (int)syscall(SYS_fchmod, descriptor, mode);
}
int rename(const char *path, const char *new_path) {
    if (path_fails(new_path)) return -1;
    int traced = begins(is_below_root(new_path));
    int result = (int)syscall(SYS_renameat, AT_FDCWD, path, AT_FDCWD, new_path);
    ends(traced, result == 0, 0, 0, "move\t%s\t%s\n", path, new_path);
    return result;
}

int link(const char *path, const char *new_path) {
    if (path_fails(new_path)) return -1;
    int traced = begins(is_below_root(new_path));
    int result = (int)syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, new_path, 0);
    ends(traced, result == 0, 0, 0, "link\t%s\t%s\n", path, new_path);
    return result;
}

static int remove_at(const char *path, int flags) {
    if (path_fails(path)) return -1;
    int traced = begins(is_below_root(path));
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, flags);
    ends(traced, result == 0, 0, 0, "remove\t%s\n", path);
    return result;
}

int unlink(const char *path) { return remove_at(path, 0); }
int rmdir(const char *path) { return remove_at(path, AT_REMOVEDIR); }

int mkdir(const char *path, mode_t mode) {
    if (path_fails(path)) return -1;
    int traced = begins(is_below_root(path));
    int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    struct stat status = {0};
    if (traced && result == 0) syscall(SYS_newfstatat, AT_FDCWD, path, &status, 0);
    ends(traced, result == 0, 0, 0, "folder\t%lu\t%s\n", (unsigned long)status.st_ino, path);
    return result;
}

static int status_at(const char *path, struct stat *status, int flags) {
    return path_fails(path) ? -1 : (int)syscall(SYS_newfstatat, AT_FDCWD, path, status, flags);
}

int stat(const char *path, struct stat *status) { return status_at(path, status, 0); }
int lstat(const char *path, struct stat *status) { return status_at(path, status, AT_SYMLINK_NOFOLLOW); }
int stat64(const char *path, struct stat64 *status) { return status_at(path, (struct stat *)status, 0); }
int lstat64(const char *path, struct stat64 *status) {
    return status_at(path, (struct stat *)status, AT_SYMLINK_NOFOLLOW);
}

static int status_of(int descriptor, struct stat *status) {
    return file_fails(descriptor) ? -1 : (int)syscall(SYS_newfstatat, descriptor, "", status, AT_EMPTY_PATH);
}

int fstat(int descriptor, struct stat *status) { return status_of(descriptor, status); }
int fstat64(int descriptor, struct stat64 *status) { return status_of(descriptor, (struct stat *)status); }

int access(const char *path, int mode) {
    return path_fails(path) ? -1 : (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

DIR *opendir(const char *path) {
    static DIR *(*next)(const char *);
    if (path_fails(path)) return 0;
    if (!next) next = (DIR *(*)(const char *))dlsym(RTLD_NEXT, "opendir");
    return next(path);
}

int flock(int descriptor, int operation) {
    return file_fails(descriptor) ? -1 : (int)syscall(SYS_flock, descriptor, operation);
}

// Only taking a lock can fail.
static int control(int descriptor, int command, void *argument) {
    int is_lock = command == F_SETLK || command == F_SETLKW;
    if (is_lock && ((struct flock *)argument)->l_type != F_UNLCK && file_fails(descriptor)) return -1;
    return (int)syscall(SYS_fcntl, descriptor, command, argument);
}

int fcntl(int descriptor, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control(descriptor, command, argument);
}

int fcntl64(int descriptor, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control(descriptor, command, argument);
}

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    if (descriptor >= 0 && file_fails(descriptor)) return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, length, protection, flags, descriptor, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int descriptor, off64_t offset) {
    return mmap(address, length, protection, flags, descriptor, offset);
}

// Not a fault: what lies below the root is said to be on another kind of file system.
int statfs(const char *path, struct statfs *status) {
    int result = (int)syscall(SYS_statfs, path, status);
    long type = number("FAULT_STATFS", 0);
    if (result == 0 && type && is_below_root(path)) status->f_type = type;
    return result;
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
