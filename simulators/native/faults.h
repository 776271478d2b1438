/* The table of armed faults: one file, mapped by every process that a fault may strike.
 *
 * `simulators/native/table.py` writes it. All counting is one atomic addition per fault and call, so several
 * processes count together, and a process that is killed anywhere leaves the table whole. */
#ifndef SIMULATORS_NATIVE_FAULTS_H
#define SIMULATORS_NATIVE_FAULTS_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FAULTS_MAGIC 0x31544c5541464e53ull
#define FAULTS_MAX 32
#define EVER 0 /* as `times` */

enum when { BEFORE, DURING, AFTER };
enum action { FAIL, HANG, SLOW, CRASH, PULL, SWAP, FULL, BACK, KILL };

struct fault {
    _Atomic uint64_t met; /* exchanges that count for it, since it was armed */
    uint64_t on, times;
    double seconds;
    uint64_t code;
    uint32_t action, when;
    char of[40];    /* the only call that counts; empty for all */
    char other[88]; /* the token that takes the place of this one */
};

struct table {
    uint64_t magic;
    _Atomic uint64_t armed;
    _Atomic uint64_t exchanges;
    _Atomic uint64_t refused; /* codes the token found wrong */
    char told[112];            /* socket that gets a datagram each time a fault strikes; empty for none */
    char spared[256];          /* files below this directory are not the station's; empty for none */
    struct fault faults[FAULTS_MAX];
};

static struct table *faults_open(const char *path)
{
    struct stat found;
    int file = open(path, O_RDWR | O_CLOEXEC);
    struct table *table = NULL;
    if (file < 0)
        return NULL;
    if (fstat(file, &found) == 0 && (size_t)found.st_size >= sizeof *table) {
        table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (table == MAP_FAILED || table->magic != FAULTS_MAGIC)
            table = NULL;
    }
    close(file);
    return table;
}

static void faults_tell(const struct table *table)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int out;
    memcpy(to.sun_path, table->told, sizeof to.sun_path - 1);
    if (!table->told[0] || (out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
        return;
    sendto(out, "", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
    close(out);
}

/* Whether the n-th exchange strikes. */
static int faults_due(const struct fault *fault, uint64_t n)
{
    return n >= fault->on && (fault->times == EVER || n - fault->on < fault->times);
}

/* Count an exchange called `name`; the first fault it meets, NULL for none. */
static struct fault *faults_met(struct table *table, const char *name)
{
    struct fault *met = NULL;
    uint64_t armed = table ? atomic_load(&table->armed) : 0;
    if (!table)
        return NULL;
    atomic_fetch_add(&table->exchanges, 1);
    for (uint64_t i = 0; i < armed && i < FAULTS_MAX; i++) {
        struct fault *fault = &table->faults[i];
        if (fault->of[0] && strcmp(fault->of, name) != 0)
            continue;
        if (faults_due(fault, atomic_fetch_add(&fault->met, 1) + 1) && !met)
            met = fault;
    }
    if (met)
        faults_tell(table);
    return met;
}

#endif
