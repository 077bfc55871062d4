/* Makes reads, writes, syncs and openings of files fail, as a disk that dies does. Loaded with LD_PRELOAD on Linux.
 *
 * While the file IO_FAULTS exists and says `ERRNO LETTERS PREFIX`, calls on files whose path begins with PREFIX fail with
 * ERRNO: `r` reads, `w` writes, `s` syncs, `o` openings for writing. Each failure is a line of IO_FAULTS.log, and so is each
 * sync of a descriptor one of whose syncs had failed before: `again` if it is open for writing alone or lies in `ends`, which
 * is how the program opens what it relies on, and `again-sled` for the database's own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST 65536
static volatile char failed[MOST];

static void note(const char *what, const char *path) {
    char name[PATH_MAX], line[PATH_MAX + 32];
    snprintf(name, sizeof name, "%s.log", getenv("IO_FAULTS"));
    int length = snprintf(line, sizeof line, "%s %s\n", what, path);
    int fd = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return;
    if (syscall(SYS_write, fd, line, length) != length) abort();
    syscall(SYS_close, fd);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

/* The error that this operation on this path is to have; 0 if none. */
static int wanted(char operation, const char *path) {
    char order[PATH_MAX + 32], letters[16], prefix[PATH_MAX];
    int error;
    const char *name = getenv("IO_FAULTS");
    int fd = name ? syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    ssize_t length = syscall(SYS_read, fd, order, sizeof order - 1);
    syscall(SYS_close, fd);
    if (length <= 0) return 0;
    order[length] = 0;
    if (sscanf(order, "%d %15s %4095s", &error, letters, prefix) != 3) return 0;
    if (!strchr(letters, operation) || strncmp(path, prefix, strlen(prefix))) return 0;
    char what[] = {operation, 0};
    note(what, path);
    return error;
}

static int fails(char operation, int fd) {
    char path[PATH_MAX];
    int kept = errno;
    int error = path_of(fd, path) ? wanted(operation, path) : 0;
    errno = error ? error : kept;
    return error != 0;
}

static int sync_fails(int fd) {
    char path[PATH_MAX];
    if (fd < 0 || fd >= MOST || !path_of(fd, path)) return 0;
    if (failed[fd]) {
        int ours = strstr(path, "/ends/") || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
        note(ours ? "again" : "again-sled", path);
    }
    if (!fails('s', fd)) return 0;
    failed[fd] = 1;
    return 1;
}

#define REAL(type, name, ...) type (*real)(__VA_ARGS__) = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

int fsync(int fd) {
    REAL(int, "fsync", int);
    return sync_fails(fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return sync_fails(fd) ? -1 : real(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return fails('w', fd) ? -1 : real(fd, bytes, count, at);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return fails('w', fd) ? -1 : real(fd, bytes, count);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
    REAL(ssize_t, "pread64", int, void *, size_t, off64_t);
    return fails('r', fd) ? -1 : real(fd, bytes, count, at);
}

ssize_t read(int fd, void *bytes, size_t count) {
    REAL(ssize_t, "read", int, void *, size_t);
    return fails('r', fd) ? -1 : real(fd, bytes, count);
}

int open64(const char *path, int flags, ...) {
    REAL(int, "open64", const char *, int, ...);
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    int error = (flags & O_ACCMODE) != O_RDONLY ? wanted('o', path) : 0;
    if (error) {
        errno = error;
        return -1;
    }
    return real(path, flags, mode);
}

int close(int fd) {
    REAL(int, "close", int);
    if (fd >= 0 && fd < MOST) failed[fd] = 0;
    return real(fd);
}
