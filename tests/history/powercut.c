/* What a power cut would leave of the files below POWERCUT_DATA, kept up to date below POWERCUT_KEPT.
 *
 * A file is kept as it was when it was last synced, under the name that it had then; a sync of a directory makes
 * renames and removals in it good. Written for Linux; loaded with LD_PRELOAD. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The files that this process has synced: which they are, and under which name they are kept. */
static struct { ino_t file; char *inner; } kept[4096];
static int count;

static char **name_of(ino_t file) {
    for (int one = 0; one < count; one++)
        if (kept[one].file == file) return &kept[one].inner;
    return NULL;
}

static void remember(ino_t file, const char *inner) {
    char **name = name_of(file);
    if (!name) {
        if (count == sizeof kept / sizeof *kept) abort();
        kept[count].file = file;
        name = &kept[count++].inner;
    }
    if (*name) free(*name);
    *name = strdup(inner);
}

/* The path below the data folder, or NULL. */
static const char *below(const char *path) {
    const char *root = getenv("POWERCUT_DATA");
    size_t length = root ? strlen(root) : 0;
    return length && !strncmp(path, root, length) && (path[length] == '/' || !path[length]) ? path + length : NULL;
}

/* Its place below the kept folder. */
static void kept_path(char *out, const char *inner) { snprintf(out, PATH_MAX, "%s%s", getenv("POWERCUT_KEPT"), inner); }

static void make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void keep(const char *path, const char *inner, mode_t mode) {
    char to[PATH_MAX], fresh[PATH_MAX + 8], buffer[65536];
    kept_path(to, inner);
    make_folders(to);
    snprintf(fresh, sizeof fresh, "%s.part", to);
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int out = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode & 0777);
    if (in < 0 || out < 0) abort();
    for (ssize_t got; (got = read(in, buffer, sizeof buffer)) > 0;)
        if (write(out, buffer, got) != got) abort();
    close(in);
    close(out);
    /* A kill in between leaves the older copy, and nobody has been told of the newer one. */
    if (rename(fresh, to)) abort();
}

/* What was synced under another name has this one now; names that are gone from a synced directory are gone. */
static void reconcile(const char *path, const char *inner) {
    char folder[PATH_MAX], there[PATH_MAX + 300], here[PATH_MAX + 300], moved[PATH_MAX + 300];
    kept_path(folder, inner);
    DIR *entries = opendir(path);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        char **name = entry->d_type == DT_REG ? name_of(entry->d_ino) : NULL;
        snprintf(there, sizeof there, "%s/%s", inner, entry->d_name);
        if (!name || !strcmp(*name, there)) continue;
        kept_path(here, *name);
        snprintf(moved, sizeof moved, "%s/%s", folder, entry->d_name);
        /* A file that is gone may have left its number to this one. */
        if (rename(here, moved)) continue;
        remember(entry->d_ino, there);
    }
    if (entries) closedir(entries);
    if (!(entries = opendir(folder))) return;
    for (struct dirent *entry; (entry = readdir(entries));) {
        snprintf(there, sizeof there, "%s/%s", path, entry->d_name);
        snprintf(here, sizeof here, "%s/%s", folder, entry->d_name);
        if (access(there, F_OK)) unlink(here);
    }
    closedir(entries);
}

static void synced(int fd) {
    char link[64], path[PATH_MAX];
    struct stat status;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || fstat(fd, &status)) return;
    path[length] = 0;
    const char *inner = below(path);
    if (!inner) return;
    pthread_mutex_lock(&lock);
    if (S_ISDIR(status.st_mode)) reconcile(path, inner);
    else if (status.st_nlink) {
        keep(path, inner, status.st_mode);
        remember(status.st_ino, inner);
    }
    pthread_mutex_unlock(&lock);
}

int fsync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int result = real(fd);
    if (!result) synced(fd);
    return result;
}

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    int result = real(fd);
    if (!result) synced(fd);
    return result;
}
