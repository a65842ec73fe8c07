import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Says that everything is on the disk and does nothing: what a storage system does that lies. */
const NO_SYNC = `
int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
`;

/** A library for LD_PRELOAD, compiled here. @throws when there is no C compiler. */
export function compileShim(folder: string, name: string, source: string): string {
  const library = join(folder, `${name}.so`);
  const args = ['-shared', '-fPIC', '-O1', '-Wall', '-x', 'c', '-o', library, '-', '-ldl', '-lpthread'];
  const { status, stderr, error } = spawnSync('gcc', args, { input: source, encoding: 'utf8' });
  if (status !== 0) throw new Error(`gcc failed: ${error?.message ?? stderr}`);
  return library;
}

export const compileNoSync = (folder: string): string => compileShim(folder, 'no-sync', NO_SYNC);

/**
 * Fails the N-th call that makes, writes, syncs, cuts or renames something below a folder, or that one and every later
 * one. The control file is shared memory, so that it can be armed while the process runs:
 * int32 armed, countdown (0: fail now), errno, sticky, calls seen, calls failed; then 256 bytes: the first call that
 * failed and the name of its file.
 */
const FAULTS = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct control { int armed, countdown, error, sticky, seen, failed; char what[256]; };
static struct control *control;
static const char *folder;
static size_t folder_length;

__attribute__((constructor)) static void begin(void) {
  folder = getenv("FAULTS_FOLDER");
  const char *path = getenv("FAULTS_CONTROL");
  if (!folder || !path) return;
  folder_length = strlen(folder);
  int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  int fd = real_open(path, O_RDWR);
  if (fd < 0) return;
  void *memory = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (memory != MAP_FAILED) control = memory;
}

static int fails_path(const char *call, const char *path) {
  if (!control || !control->armed || !path || strncmp(path, folder, folder_length) != 0) return 0;
  __sync_fetch_and_add(&control->seen, 1);
  int left = __sync_fetch_and_sub(&control->countdown, 1);
  if (left > 0 || (left < 0 && !control->sticky)) return 0;
  if (__sync_fetch_and_add(&control->failed, 1) == 0)
    snprintf(control->what, sizeof control->what, "%s %s", call, path + folder_length);
  errno = control->error;
  return 1;
}

static int fails_fd(const char *call, int fd) {
  char link[64], path[4096];
  if (!control || !control->armed) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return fails_path(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ON_FD(type, name, params, args) \\
  type name params { if (fails_fd(#name, fd)) return -1; return REAL(name) args; }
ON_FD(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))
ON_FD(ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
ON_FD(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o))
ON_FD(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
ON_FD(ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o))
ON_FD(ssize_t, pwritev64, (int fd, const struct iovec *v, int n, off64_t o), (fd, v, n, o))
ON_FD(int, fsync, (int fd), (fd))
ON_FD(int, fdatasync, (int fd), (fd))
ON_FD(int, ftruncate, (int fd, off_t n), (fd, n))
ON_FD(int, ftruncate64, (int fd, off64_t n), (fd, n))
int rename(const char *from, const char *to) { if (fails_path("rename", to)) return -1; return REAL(rename)(from, to); }
int unlink(const char *path) { if (fails_path("unlink", path)) return -1; return REAL(unlink)(path); }
int mkdir(const char *path, mode_t mode) { if (fails_path("mkdir", path)) return -1; return REAL(mkdir)(path, mode); }

#define MODE(flags) \\
  mode_t mode = 0; \\
  if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); }
#define OPEN(name) \\
  int name(const char *path, int flags, ...) { \\
    MODE(flags) \\
    if ((flags & O_CREAT) && fails_path("create", path)) return -1; \\
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))(path, flags, mode); }
OPEN(open)
OPEN(open64)
#define OPENAT(name) \\
  int name(int at, const char *path, int flags, ...) { \\
    MODE(flags) \\
    if ((flags & O_CREAT) && fails_path("create", path)) return -1; \\
    return ((int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, #name))(at, path, flags, mode); }
OPENAT(openat)
OPENAT(openat64)
`;

const WORDS = 6;
const CONTROL_BYTES = WORDS * 4 + 256;
const ERRORS = { EIO: 5, ENOSPC: 28 } as const;
export type InjectedError = keyof typeof ERRORS;

export interface Injection {
  readonly error: InjectedError;
  /** Which call fails: 1 for the first. */
  readonly at: number;
  /** Whether every later one fails too. */
  readonly sticky: boolean;
}

/** What an injection did. */
export interface Injected {
  readonly seen: number;
  readonly failed: number;
  /** Call and file, below the folder. */
  readonly what: string;
}

export interface Faults {
  /** To be given to the process that is to fail. */
  readonly environment: Readonly<Record<string, string>>;
  arm(injection: Injection): void;
  disarm(): Injected;
}

/** @param below the folder whose files fail. */
export function openFaults(folder: string, below: string): Faults {
  const control = join(folder, 'faults');
  writeFileSync(control, Buffer.alloc(CONTROL_BYTES));
  const put = (words: readonly number[]): void => {
    const bytes = Buffer.alloc(CONTROL_BYTES);
    for (const [i, word] of words.entries()) bytes.writeInt32LE(word, i * 4);
    const file = openSync(control, 'r+');
    writeSync(file, bytes, 4, CONTROL_BYTES - 4, 4);
    // Last of all, so that no call sees a half of it.
    writeSync(file, bytes, 0, 4, 0);
    closeSync(file);
  };
  return {
    environment: {
      LD_PRELOAD: compileShim(folder, 'faults', FAULTS),
      FAULTS_FOLDER: below,
      FAULTS_CONTROL: control,
    },
    arm: ({ error, at, sticky }) => put([1, at - 1, ERRORS[error], sticky ? 1 : 0, 0, 0]),
    disarm() {
      const bytes = readFileSync(control);
      put([0]);
      const what = bytes.subarray(WORDS * 4);
      return {
        seen: bytes.readInt32LE(16),
        failed: bytes.readInt32LE(20),
        what: what.subarray(0, what.indexOf(0)).toString(),
      };
    },
  };
}
