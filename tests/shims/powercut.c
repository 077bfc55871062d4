/* What a power cut would leave of the files below POWERCUT_DATA, kept up to date below POWERCUT_KEPT.
 *
 *   files/ID     a file's bytes as they were when it was last synced
 *   folders/ID   a folder's names as they were when it was last synced: a line "f ID NAME" or "d ID NAME" for each
 *   root         the ID of the data folder
 *
 * A sync of a file makes its bytes durable and not its name; new, moved and removed names are durable once their folder is
 * synced, and a file that has a durable name and was never synced is empty. An ID is an inode's number with the time of its
 * birth, since numbers are used again. What is there before the first process starts is durable. sync_file_range promises
 * nothing and counts for nothing. Written for Linux; loaded with LD_PRELOAD. */
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

struct node {
    char id[64];
    mode_t mode;
};

static int look(int folder, const char *name, struct node *node) {
    struct statx status;
    if (statx(folder, name, *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &status)) return -1;
    if (!(status.stx_mask & STATX_BTIME)) abort();
    snprintf(node->id, sizeof node->id, "%llu-%lld.%09u", (unsigned long long)status.stx_ino,
             (long long)status.stx_btime.tv_sec, status.stx_btime.tv_nsec);
    node->mode = status.stx_mode;
    return 0;
}

static void place(char *out, const char *kind, const char *id) {
    snprintf(out, PATH_MAX, "%s/%s%s", getenv("POWERCUT_KEPT"), kind, id);
}

/* A kill in between leaves the older copy, and nobody has been told of the newer one. */
static int begin(char *part, const char *kind, const char *id, mode_t mode) {
    place(part, kind, id);
    strcat(part, ".part");
    int out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode & 0777);
    if (out < 0) abort();
    return out;
}

static void finish(int out, const char *part, const char *kind, const char *id) {
    char to[PATH_MAX];
    place(to, kind, id);
    close(out);
    if (rename(part, to)) abort();
}

static void keep_file(int file, const struct node *node) {
    char part[PATH_MAX], buffer[65536];
    int out = begin(part, "files/", node->id, node->mode);
    for (off_t at = 0; ;) {
        ssize_t got = pread(file, buffer, sizeof buffer, at);
        if (got < 0 || write(out, buffer, got) != got) abort();
        if (!got) break;
        at += got;
    }
    finish(out, part, "files/", node->id);
}

static void keep_folder(int folder, const struct node *node, int deep) {
    char part[PATH_MAX];
    int out = begin(part, "folders/", node->id, 0600);
    DIR *entries = fdopendir(folder);
    if (!entries) abort();
    for (struct dirent *entry; (entry = readdir(entries));) {
        struct node inner;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || look(folder, entry->d_name, &inner)) continue;
        if (!S_ISREG(inner.mode) && !S_ISDIR(inner.mode)) continue;
        dprintf(out, "%c %s %s\n", S_ISDIR(inner.mode) ? 'd' : 'f', inner.id, entry->d_name);
        if (!deep) continue;
        int one = openat(folder, entry->d_name, O_RDONLY | O_CLOEXEC);
        if (one < 0) abort();
        if (S_ISDIR(inner.mode)) {
            keep_folder(one, &inner, 1);
        } else {
            keep_file(one, &inner);
            close(one);
        }
    }
    closedir(entries);
    finish(out, part, "folders/", node->id);
}

/* Takes what is there for durable, unless an earlier process has begun to keep. */
__attribute__((constructor)) static void start(void) {
    const char *data = getenv("POWERCUT_DATA"), *kept = getenv("POWERCUT_KEPT");
    char path[PATH_MAX], part[PATH_MAX];
    struct node root;
    if (!data || !kept) return;
    place(path, "root", "");
    if (!access(path, F_OK)) return;
    mkdir(kept, 0700);
    place(path, "files", "");
    mkdir(path, 0700);
    place(path, "folders", "");
    mkdir(path, 0700);
    int folder = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || look(folder, "", &root)) abort();
    keep_folder(folder, &root, 1);
    int out = begin(part, "root", "", 0600);
    dprintf(out, "%s", root.id);
    finish(out, part, "root", "");
}

static void synced(int fd) {
    const char *root = getenv("POWERCUT_DATA");
    char self[64], path[PATH_MAX];
    struct node node;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(self, path, sizeof path - 1);
    if (!root || length < 0) return;
    path[length] = 0;
    size_t below = strlen(root);
    if (strncmp(path, root, below) || (path[below] && path[below] != '/')) return;
    pthread_mutex_lock(&lock);
    int again = open(self, O_RDONLY | O_CLOEXEC);
    if (again < 0 || look(again, "", &node)) abort();
    if (S_ISDIR(node.mode)) {
        keep_folder(again, &node, 0);
    } else {
        keep_file(again, &node);
        close(again);
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
