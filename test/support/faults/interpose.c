/*
 * Preloaded into a process, it stands between the process and one folder of files. It writes what happens to the
 * files into a log, in the order in which it happens, or lets calls fail. The process steers it through a file
 * that does not exist, $FAULTS_CONTROL: it writes commands to it and reads the status back.
 *
 * Only what the C library exports is seen: system calls of its own, or io_uring, would pass unseen. So whoever
 * replays a log compares the outcome with the folder.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN, CREATE, READ, WRITE, TRUNCATE, SYNC, RENAME, LINK, UNLINK, MKDIR, KINDS };
static const char *const NAMES[KINDS] = {"open", "create", "read",   "write",  "truncate",
                                         "sync", "rename", "link",   "unlink", "mkdir"};

#define REAL(result, name, ...)                                            \
  static result (*real_##name)(__VA_ARGS__);                               \
  __attribute__((constructor)) static void resolve_##name(void) {          \
    if (!real_##name) real_##name = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name); \
  }
REAL(int, openat, int, const char *, int, ...)
REAL(int, close, int)
REAL(long, syscall, long, ...)
REAL(ssize_t, read, int, void *, size_t)
REAL(ssize_t, pread64, int, void *, size_t, off64_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(ssize_t, pwritev64, int, const struct iovec *, int, off64_t)
REAL(int, ftruncate64, int, off64_t)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(int, renameat, int, const char *, int, const char *)
REAL(int, linkat, int, const char *, int, const char *, int)
REAL(int, unlinkat, int, const char *, int)
REAL(int, mkdirat, int, const char *, mode_t)
REAL(int, fchmod, int, mode_t)
REAL(int, fchmodat, int, const char *, mode_t, int)
/* What is called before the constructors ran has not been asked to be seen. */
#define CALL(name) (real_##name ? (void)0 : resolve_##name(), real_##name)

#define DESCRIPTORS 4096
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t folder_length;
/* The paths of what is open under the folder. */
static char *paths[DESCRIPTORS];
static int log_descriptor = -1;
static int control_descriptor = -1;

static unsigned long counts[KINDS];
static struct {
  int is_armed, mask, error, is_lasting, is_short;
  unsigned long nth, calls;
} plan;
static struct {
  int has_fired, kind;
  char path[PATH_MAX];
} fault;

/* The log: this, and the bytes of two texts. */
struct record {
  char what[4];
  int32_t descriptor;
  int64_t offset;
  uint32_t first, second;
};

static void append(char what, int descriptor, int64_t offset, const void *first, size_t first_length,
                   const char *second) {
  if (log_descriptor < 0) return;
  size_t second_length = second ? strlen(second) : 0;
  struct record record = {{what}, descriptor, offset, (uint32_t)first_length, (uint32_t)second_length};
  struct iovec parts[] = {{&record, sizeof record}, {(void *)first, first_length}, {(void *)second, second_length}};
  ssize_t whole = (ssize_t)(sizeof record + first_length + second_length);
  if (CALL(writev)(log_descriptor, parts, 3) != whole) abort();
}

static void append_path(char what, int descriptor, int64_t flags, const char *path, const char *second) {
  append(what, descriptor, flags, path, strlen(path), second);
}

static const char *absolute(int directory, const char *path, char *buffer) {
  if (path[0] == '/') return path;
  ssize_t length;
  if (directory == AT_FDCWD) {
    if (!getcwd(buffer, PATH_MAX)) return path;
    length = (ssize_t)strlen(buffer);
  } else {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    length = readlink(link, buffer, PATH_MAX - 1);
    if (length < 0) return path;
  }
  snprintf(buffer + length, PATH_MAX - (size_t)length, "/%s", path);
  return buffer;
}

static int is_under(const char *path) {
  if (folder_length == 0 || strncmp(path, folder, folder_length) != 0) return 0;
  return path[folder_length] == '/' || path[folder_length] == '\0';
}

static char *path_of(int descriptor) {
  return descriptor >= 0 && descriptor < DESCRIPTORS ? paths[descriptor] : NULL;
}

/* Whether this call is to fail; errno is then set. Counts it in any case. */
static int fails(enum kind kind, const char *path) {
  counts[kind]++;
  if (!plan.is_armed || !(plan.mask & 1 << kind)) return 0;
  plan.calls++;
  if (plan.calls < plan.nth || (plan.calls > plan.nth && !plan.is_lasting)) return 0;
  if (!fault.has_fired) {
    fault.has_fired = 1;
    fault.kind = kind;
    snprintf(fault.path, sizeof fault.path, "%s", path);
  }
  /* A short one succeeds with less. */
  if (plan.is_short && plan.calls == plan.nth) return 0;
  errno = plan.error;
  return 1;
}

static int is_short_now(void) { return plan.is_armed && plan.is_short && plan.calls == plan.nth; }

static void command(const char *text) {
  char log[PATH_MAX] = "";
  if (strncmp(text, "mark ", 5) == 0) {
    append('M', 0, 0, text + 5, strlen(text + 5), NULL);
  } else if (strncmp(text, "watch ", 6) == 0) {
    if (log_descriptor >= 0) CALL(close)(log_descriptor);
    log_descriptor = -1;
    folder[0] = '\0';
    /* A path holds no newline here. */
    sscanf(text + 6, "%4095[^\n]\n%4095[^\n]", folder, log);
    folder_length = strlen(folder);
    if (log[0]) log_descriptor = CALL(openat)(AT_FDCWD, log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    /* What is still open was left open by a run that is over. */
    for (int descriptor = 0; descriptor < DESCRIPTORS; descriptor++) {
      free(paths[descriptor]);
      paths[descriptor] = NULL;
    }
    memset(counts, 0, sizeof counts);
    memset(&plan, 0, sizeof plan);
    memset(&fault, 0, sizeof fault);
  } else if (strncmp(text, "arm ", 4) == 0) {
    memset(&fault, 0, sizeof fault);
    memset(&plan, 0, sizeof plan);
    if (sscanf(text + 4, "%d %lu %d %d %d", &plan.mask, &plan.nth, &plan.error, &plan.is_lasting, &plan.is_short) != 5)
      abort();
    plan.is_armed = 1;
  } else if (strcmp(text, "disarm") == 0) {
    plan.is_armed = 0;
  } else {
    abort();
  }
}

/* As JSON, but for the paths, which stand behind it on lines of their own. */
static ssize_t status(char *buffer, size_t size) {
  char *at = buffer, *end = buffer + size;
#define PRINT(...) at += snprintf(at, (size_t)(end - at), __VA_ARGS__)
  PRINT("{\"fired\":");
  if (fault.has_fired) PRINT("\"%s\"", NAMES[fault.kind]);
  else PRINT("null");
  PRINT(",\"calls\":{");
  for (int kind = 0; kind < KINDS; kind++) PRINT("%s\"%s\":%lu", kind ? "," : "", NAMES[kind], counts[kind]);
  PRINT("}}\n%s", fault.has_fired ? fault.path : "");
  for (int descriptor = 0; descriptor < DESCRIPTORS; descriptor++)
    if (paths[descriptor] && end - at > PATH_MAX) PRINT("\n%s", paths[descriptor]);
  return at - buffer;
}

static int opened(int directory, const char *path, int flags, mode_t mode) {
  char buffer[PATH_MAX];
  const char *name = absolute(directory, path, buffer);
  const char *control = getenv("FAULTS_CONTROL");
  if (control && strcmp(name, control) == 0) {
    return control_descriptor = CALL(openat)(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
  }
  if (!is_under(name)) return CALL(openat)(directory, path, flags, mode);
  pthread_mutex_lock(&lock);
  int is_new = (flags & O_CREAT) && faccessat(AT_FDCWD, name, F_OK, 0) != 0;
  int descriptor = fails(is_new ? CREATE : OPEN, name) ? -1 : CALL(openat)(directory, path, flags, mode);
  if (descriptor >= 0 && descriptor < DESCRIPTORS) {
    int is_truncated = (flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY;
    free(paths[descriptor]);
    paths[descriptor] = strdup(name);
    append_path('O', descriptor, is_new | is_truncated << 1 | (int64_t)(mode & 0777) << 2, name, NULL);
  }
  pthread_mutex_unlock(&lock);
  return descriptor;
}

#define OPEN_MODE(flags)                       \
  mode_t mode = 0;                             \
  if (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
    va_list arguments;                         \
    va_start(arguments, flags);                \
    mode = va_arg(arguments, mode_t);          \
    va_end(arguments);                         \
  }
int open(const char *path, int flags, ...) {
  OPEN_MODE(flags)
  return opened(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  OPEN_MODE(flags)
  return opened(AT_FDCWD, path, flags, mode);
}
int openat(int directory, const char *path, int flags, ...) {
  OPEN_MODE(flags)
  return opened(directory, path, flags, mode);
}
int openat64(int directory, const char *path, int flags, ...) {
  OPEN_MODE(flags)
  return opened(directory, path, flags, mode);
}

/* Never fails: a descriptor whose close has failed is closed or not, and nobody can tell. */
int close(int descriptor) {
  if (descriptor >= 0 && descriptor == control_descriptor) control_descriptor = -1;
  if (!path_of(descriptor)) return CALL(close)(descriptor);
  pthread_mutex_lock(&lock);
  append('C', descriptor, 0, NULL, 0, NULL);
  free(paths[descriptor]);
  paths[descriptor] = NULL;
  int result = CALL(close)(descriptor);
  pthread_mutex_unlock(&lock);
  return result;
}

/* libuv closes a file by a system call, to be alone with its interruptions. */
long syscall(long number, ...) {
  long given[6];
  va_list arguments;
  va_start(arguments, number);
  for (int i = 0; i < 6; i++) given[i] = va_arg(arguments, long);
  va_end(arguments);
  if (number == SYS_close) return close((int)given[0]);
  return CALL(syscall)(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

static int read_fails(int descriptor) {
  const char *path = path_of(descriptor);
  if (!path) return 0;
  pthread_mutex_lock(&lock);
  int result = fails(READ, path);
  pthread_mutex_unlock(&lock);
  return result;
}
ssize_t read(int descriptor, void *buffer, size_t size) {
  if (descriptor >= 0 && descriptor == control_descriptor) return status(buffer, size);
  return read_fails(descriptor) ? -1 : CALL(read)(descriptor, buffer, size);
}
ssize_t pread64(int descriptor, void *buffer, size_t size, off64_t offset) {
  return read_fails(descriptor) ? -1 : CALL(pread64)(descriptor, buffer, size, offset);
}
ssize_t pread(int descriptor, void *buffer, size_t size, off_t offset) {
  return pread64(descriptor, buffer, size, offset);
}

/* The offset -1 is where the descriptor stands. */
static ssize_t written(int descriptor, const struct iovec *parts, int count, off64_t offset) {
  const char *path = path_of(descriptor);
  if (!path) {
    return offset < 0 ? CALL(writev)(descriptor, parts, count) : CALL(pwritev64)(descriptor, parts, count, offset);
  }
  pthread_mutex_lock(&lock);
  ssize_t result = -1;
  if (!fails(WRITE, path)) {
    off64_t at = offset;
    if (at < 0) at = lseek64(descriptor, 0, fcntl(descriptor, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    struct iovec less = parts[0];
    if (is_short_now() && less.iov_len > 1) {
      less.iov_len = less.iov_len > 1024 ? less.iov_len / 1024 * 512 : less.iov_len / 2;
      parts = &less;
      count = 1;
    }
    result = offset < 0 ? CALL(writev)(descriptor, parts, count) : CALL(pwritev64)(descriptor, parts, count, offset);
    ssize_t left = result;
    for (int part = 0; part < count && left > 0; part++) {
      size_t length = (size_t)left < parts[part].iov_len ? (size_t)left : parts[part].iov_len;
      append('W', descriptor, at, parts[part].iov_base, length, NULL);
      at += (off64_t)length;
      left -= (ssize_t)length;
    }
  }
  pthread_mutex_unlock(&lock);
  return result;
}
ssize_t write(int descriptor, const void *data, size_t size) {
  if (descriptor >= 0 && descriptor == control_descriptor) {
    char *text = strndup(data, size);
    pthread_mutex_lock(&lock);
    command(text);
    pthread_mutex_unlock(&lock);
    free(text);
    return (ssize_t)size;
  }
  struct iovec part = {(void *)data, size};
  return written(descriptor, &part, 1, -1);
}
ssize_t writev(int descriptor, const struct iovec *parts, int count) { return written(descriptor, parts, count, -1); }
ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t offset) {
  return written(descriptor, parts, count, offset);
}
ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
  return written(descriptor, parts, count, offset);
}
ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
  struct iovec part = {(void *)data, size};
  return written(descriptor, &part, 1, offset);
}
ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
  return pwrite64(descriptor, data, size, offset);
}

int ftruncate64(int descriptor, off64_t size) {
  const char *path = path_of(descriptor);
  if (!path) return CALL(ftruncate64)(descriptor, size);
  pthread_mutex_lock(&lock);
  int result = fails(TRUNCATE, path) ? -1 : CALL(ftruncate64)(descriptor, size);
  if (result == 0) append('T', descriptor, size, NULL, 0, NULL);
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

static int synced(int descriptor, int (*sync)(int)) {
  const char *path = path_of(descriptor);
  if (!path) return sync(descriptor);
  pthread_mutex_lock(&lock);
  int result = fails(SYNC, path) ? -1 : sync(descriptor);
  if (result == 0) append('S', descriptor, 0, NULL, 0, NULL);
  pthread_mutex_unlock(&lock);
  return result;
}
int fsync(int descriptor) { return synced(descriptor, CALL(fsync)); }
int fdatasync(int descriptor) { return synced(descriptor, CALL(fdatasync)); }

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
  char buffers[2][PATH_MAX];
  const char *old = absolute(from_directory, from, buffers[0]), *new = absolute(to_directory, to, buffers[1]);
  if (!is_under(old) && !is_under(new)) return CALL(renameat)(from_directory, from, to_directory, to);
  pthread_mutex_lock(&lock);
  int result = fails(RENAME, new) ? -1 : CALL(renameat)(from_directory, from, to_directory, to);
  if (result == 0) append_path('R', 0, 0, old, new);
  pthread_mutex_unlock(&lock);
  return result;
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
  char buffers[2][PATH_MAX];
  const char *old = absolute(from_directory, from, buffers[0]), *new = absolute(to_directory, to, buffers[1]);
  if (!is_under(new)) return CALL(linkat)(from_directory, from, to_directory, to, flags);
  pthread_mutex_lock(&lock);
  int result = fails(LINK, new) ? -1 : CALL(linkat)(from_directory, from, to_directory, to, flags);
  if (result == 0) append_path('L', 0, 0, old, new);
  pthread_mutex_unlock(&lock);
  return result;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int directory, const char *path, int flags) {
  char buffer[PATH_MAX];
  const char *name = absolute(directory, path, buffer);
  if (!is_under(name)) return CALL(unlinkat)(directory, path, flags);
  pthread_mutex_lock(&lock);
  int result = fails(UNLINK, name) ? -1 : CALL(unlinkat)(directory, path, flags);
  if (result == 0) append_path('U', 0, 0, name, NULL);
  pthread_mutex_unlock(&lock);
  return result;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  struct stat found;
  int is_folder = lstat(path, &found) == 0 && S_ISDIR(found.st_mode);
  return unlinkat(AT_FDCWD, path, is_folder ? AT_REMOVEDIR : 0);
}

int mkdirat(int directory, const char *path, mode_t mode) {
  char buffer[PATH_MAX];
  const char *name = absolute(directory, path, buffer);
  if (!is_under(name)) return CALL(mkdirat)(directory, path, mode);
  pthread_mutex_lock(&lock);
  int result = fails(MKDIR, name) ? -1 : CALL(mkdirat)(directory, path, mode);
  if (result == 0) append_path('D', 0, (int64_t)(mode & 0777) << 2, name, NULL);
  pthread_mutex_unlock(&lock);
  return result;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* Never fails: SQLite takes no notice. */
int fchmod(int descriptor, mode_t mode) {
  const char *path = path_of(descriptor);
  if (!path) return CALL(fchmod)(descriptor, mode);
  pthread_mutex_lock(&lock);
  int result = CALL(fchmod)(descriptor, mode);
  if (result == 0) append_path('P', 0, (int64_t)(mode & 0777) << 2, path, NULL);
  pthread_mutex_unlock(&lock);
  return result;
}
int fchmodat(int directory, const char *path, mode_t mode, int flags) {
  char buffer[PATH_MAX];
  const char *name = absolute(directory, path, buffer);
  if (!is_under(name)) return CALL(fchmodat)(directory, path, mode, flags);
  pthread_mutex_lock(&lock);
  int result = CALL(fchmodat)(directory, path, mode, flags);
  if (result == 0) append_path('P', 0, (int64_t)(mode & 0777) << 2, name, NULL);
  pthread_mutex_unlock(&lock);
  return result;
}
int chmod(const char *path, mode_t mode) { return fchmodat(AT_FDCWD, path, mode, 0); }
