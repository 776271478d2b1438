/* Preloaded into the processes of a station (LD_PRELOAD): lets its disk run full, its clock jump back, and
 * kills it at a chosen commit of its records.
 *
 * STATION_BENCH_FAULTS names a directory with the tables `disk`, `clock` and `commits`. An exchange of the
 * disk is a write to a regular file, of the clock a reading of the time of day, of the commits an fdatasync of
 * a write-ahead log of SQLite, which is where a commit is durable. */
#define _GNU_SOURCE
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

static struct table *disk, *clocks, *commits;

static struct {
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*writev)(int, const struct iovec *, int);
    ssize_t (*pwrite64)(int, const void *, size_t, off64_t);
    size_t (*fwrite)(const void *, size_t, size_t, FILE *);
    int (*fsync)(int);
    int (*fdatasync)(int);
    int (*clock_gettime)(clockid_t, struct timespec *);
    int (*gettimeofday)(struct timeval *, void *);
} real;

#define FIND(name) (real.name ? real.name : (*(void **)&real.name = dlsym(RTLD_NEXT, #name), real.name))

__attribute__((constructor)) static void open_tables(void)
{
    const char *directory = getenv("STATION_BENCH_FAULTS");
    char path[PATH_MAX];
    if (!directory)
        return;
    snprintf(path, sizeof path, "%s/disk", directory);
    disk = faults_open(path);
    snprintf(path, sizeof path, "%s/clock", directory);
    clocks = faults_open(path);
    snprintf(path, sizeof path, "%s/commits", directory);
    commits = faults_open(path);
}

/* Whether it is a regular file of the station whose path ends so; what was told to stdout and stderr is not. */
static int concerns(const struct table *table, int file, const char *end)
{
    char name[64], path[PATH_MAX];
    struct stat found;
    ssize_t length;
    if (!table || file <= STDERR_FILENO)
        return 0;
    if (fstat(file, &found) < 0 || !S_ISREG(found.st_mode))
        return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    if ((length = readlink(name, path, sizeof path - 1)) < 0)
        return 0;
    path[length] = 0;
    if ((size_t)length < strlen(end) || strcmp(path + length - strlen(end), end) != 0)
        return 0;
    return !table->spared[0] || strncmp(path, table->spared, strlen(table->spared)) != 0;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
}

/* Called before every write: 1 where there is no room; the commit that is to be missed is not begun. */
static int stopped(int file)
{
    int before = errno;
    if (concerns(commits, file, "-wal"))
        for (uint64_t i = 0; i < atomic_load(&commits->armed); i++) {
            struct fault *fault = &commits->faults[i];
            if (fault->when == BEFORE && atomic_load(&fault->met) + 1 == fault->on) {
                atomic_fetch_add(&fault->met, 1);
                faults_tell(commits);
                die();
            }
        }
    if (concerns(disk, file, "") && faults_met(disk, "")) {
        errno = ENOSPC;
        return 1;
    }
    errno = before;
    return 0;
}

ssize_t write(int file, const void *data, size_t size)
{
    return stopped(file) ? -1 : FIND(write)(file, data, size);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
    return stopped(file) ? -1 : FIND(writev)(file, parts, count);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at)
{
    return stopped(file) ? -1 : FIND(pwrite64)(file, data, size, at);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at)
{
    return pwrite64(file, data, size, at);
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *file)
{
    return stopped(fileno(file)) ? 0 : FIND(fwrite)(data, size, count, file);
}

static int synced(int file, int (*sync)(int))
{
    struct fault *met = concerns(commits, file, "-wal") ? faults_met(commits, "") : NULL;
    int answer = sync(file);
    if (met && met->when == AFTER)
        die();
    return answer;
}

int fsync(int file)
{
    return synced(file, FIND(fsync));
}

int fdatasync(int file)
{
    return synced(file, FIND(fdatasync));
}

/* Seconds the time of day is behind, one more reading counted. */
static double behind(void)
{
    double seconds = 0;
    uint64_t armed = clocks ? atomic_load(&clocks->armed) : 0;
    if (clocks)
        atomic_fetch_add(&clocks->exchanges, 1);
    for (uint64_t i = 0; i < armed && i < FAULTS_MAX; i++) {
        struct fault *fault = &clocks->faults[i];
        uint64_t n = atomic_fetch_add(&fault->met, 1) + 1;
        if (n >= fault->on)
            seconds += fault->seconds;
        if (n == fault->on)
            faults_tell(clocks);
    }
    return seconds;
}

static void put_back(struct timespec *at, double seconds)
{
    at->tv_sec -= (time_t)seconds;
    at->tv_nsec -= (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (at->tv_nsec < 0) {
        at->tv_nsec += 1000000000;
        at->tv_sec--;
    }
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int answer = FIND(clock_gettime)(clock, at);
    if (answer == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        put_back(at, behind());
    return answer;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    int answer = FIND(gettimeofday)(at, zone);
    if (answer == 0) {
        struct timespec fine = {at->tv_sec, at->tv_usec * 1000};
        put_back(&fine, behind());
        at->tv_sec = fine.tv_sec;
        at->tv_usec = fine.tv_nsec / 1000;
    }
    return answer;
}

time_t time(time_t *at)
{
    struct timespec fine;
    clock_gettime(CLOCK_REALTIME, &fine);
    if (at)
        *at = fine.tv_sec;
    return fine.tv_sec;
}
