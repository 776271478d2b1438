/* A PKCS#11 module (OASIS v2.40) that forwards to SoftHSM, and fails where the seat's table of faults says.
 *
 * It stands for the module of a token's maker: unlike SoftHSM it notices by itself when the token of its seat
 * is pulled out or another is put in. Sessions end then, the slot is empty, C_WaitForSlotEvent tells it.
 *
 * The seat is the directory of SOFTHSM2_CONF: `token` is a link to the token in it, `faults` the table. One
 * thread at a time, as C_Initialize without locks has it; C_WaitForSlotEvent may block in another.
 * Built with -DMODULE="path of SoftHSM". */
#define _GNU_SOURCE
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Every parameter of the interface is a word (CK_ULONG or a pointer), but for one CK_BBOOL, of which callees
 * read the low byte. */
typedef unsigned long word;
typedef word (*function)(word, word, word, word, word, word, word, word);

enum { /* CKR_ */
    OK = 0x000,
    GENERAL_ERROR = 0x005,
    ARGUMENTS_BAD = 0x007,
    NO_EVENT = 0x008,
    DEVICE_REMOVED = 0x032,
    PIN_INCORRECT = 0x0a0,
    SESSION_HANDLE_INVALID = 0x0b3,
    TOKEN_NOT_PRESENT = 0x0e0,
    BUFFER_TOO_SMALL = 0x150,
    CRYPTOKI_NOT_INITIALIZED = 0x190,
    CRYPTOKI_ALREADY_INITIALIZED = 0x191
};
enum { DONT_BLOCK = 1, REMOVABLE = 2 }; /* CKF_ */

/* What the first parameter is. */
enum kind { MODULE_WIDE, SLOT, SESSION };

/* CK_FUNCTION_LIST in its order (v2.40 §3.7). */
#define FUNCTIONS(X) FIRST(X) X(C_GetFunctionList, MODULE_WIDE) REST(X)
#define FIRST(X) X(C_Initialize, MODULE_WIDE) X(C_Finalize, MODULE_WIDE) X(C_GetInfo, MODULE_WIDE)
#define REST(X) \
    X(C_GetSlotList, MODULE_WIDE) X(C_GetSlotInfo, MODULE_WIDE) \
    X(C_GetTokenInfo, SLOT) X(C_GetMechanismList, SLOT) X(C_GetMechanismInfo, SLOT) X(C_InitToken, SLOT) \
    X(C_InitPIN, SESSION) X(C_SetPIN, SESSION) X(C_OpenSession, SLOT) X(C_CloseSession, SESSION) \
    X(C_CloseAllSessions, SLOT) X(C_GetSessionInfo, SESSION) X(C_GetOperationState, SESSION) \
    X(C_SetOperationState, SESSION) X(C_Login, SESSION) X(C_Logout, SESSION) X(C_CreateObject, SESSION) \
    X(C_CopyObject, SESSION) X(C_DestroyObject, SESSION) X(C_GetObjectSize, SESSION) \
    X(C_GetAttributeValue, SESSION) X(C_SetAttributeValue, SESSION) X(C_FindObjectsInit, SESSION) \
    X(C_FindObjects, SESSION) X(C_FindObjectsFinal, SESSION) X(C_EncryptInit, SESSION) \
    X(C_Encrypt, SESSION) X(C_EncryptUpdate, SESSION) X(C_EncryptFinal, SESSION) X(C_DecryptInit, SESSION) \
    X(C_Decrypt, SESSION) X(C_DecryptUpdate, SESSION) X(C_DecryptFinal, SESSION) X(C_DigestInit, SESSION) \
    X(C_Digest, SESSION) X(C_DigestUpdate, SESSION) X(C_DigestKey, SESSION) X(C_DigestFinal, SESSION) \
    X(C_SignInit, SESSION) X(C_Sign, SESSION) X(C_SignUpdate, SESSION) X(C_SignFinal, SESSION) \
    X(C_SignRecoverInit, SESSION) X(C_SignRecover, SESSION) X(C_VerifyInit, SESSION) X(C_Verify, SESSION) \
    X(C_VerifyUpdate, SESSION) X(C_VerifyFinal, SESSION) X(C_VerifyRecoverInit, SESSION) \
    X(C_VerifyRecover, SESSION) X(C_DigestEncryptUpdate, SESSION) X(C_DecryptDigestUpdate, SESSION) \
    X(C_SignEncryptUpdate, SESSION) X(C_DecryptVerifyUpdate, SESSION) X(C_GenerateKey, SESSION) \
    X(C_GenerateKeyPair, SESSION) X(C_WrapKey, SESSION) X(C_UnwrapKey, SESSION) X(C_DeriveKey, SESSION) \
    X(C_SeedRandom, SESSION) X(C_GenerateRandom, SESSION) X(C_GetFunctionStatus, SESSION) \
    X(C_CancelFunction, SESSION) X(C_WaitForSlotEvent, MODULE_WIDE)

#define PLACE(name, kind) PLACE_##name,
enum place { FUNCTIONS(PLACE) PLACES };

#define KIND(name, kind) kind,
static const enum kind kinds[PLACES] = {FUNCTIONS(KIND)};

#define TEXT(name, kind) #name,
static const char *const names[PLACES] = {FUNCTIONS(TEXT)};

struct list {
    unsigned char version[2];
    function functions[PLACES];
};

struct info {
    unsigned char version[2];
    char maker[32];
    word flags;
    char description[32];
    unsigned char library_version[2];
};

struct slot_info {
    char description[64], maker[32];
    word flags;
    unsigned char versions[4];
};

/* Which token is in the seat: the link is made anew at each insertion. */
struct seen {
    ino_t number;
    struct timespec made;
};

/* The upper part of a session handle says how often the token had changed when it was opened. */
#define HANDLE_BITS 40

static struct {
    struct list *real;
    struct table *table;
    char seat[PATH_MAX - 16];
    int wanted;  /* C_Initialize was called */
    int running; /* SoftHSM is initialised, a token is there */
    struct seen token, told;
    word changes;
} me;

static char *in_seat(const char *name, char *path)
{
    snprintf(path, PATH_MAX, "%s/%s", me.seat, name);
    return path;
}

static struct seen look(void)
{
    char path[PATH_MAX];
    struct stat link;
    struct seen seen = {0};
    if (lstat(in_seat("token", path), &link) == 0) {
        seen.number = link.st_ino;
        seen.made = link.st_ctim;
    }
    return seen;
}

static int same(struct seen a, struct seen b)
{
    return a.number == b.number && a.made.tv_sec == b.made.tv_sec && a.made.tv_nsec == b.made.tv_nsec;
}

static word forward(enum place place, const word *a)
{
    /* In the calling conventions of x86-64 and aarch64 a callee leaves parameters it has not alone. */
    return me.real->functions[place](a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
}

/* Take notice of a token that came, went or is another one; SoftHSM sees that only when initialised. */
static word notice(void)
{
    static const word nothing[8];
    struct seen token = look();
    word answer = OK;
    if (!me.wanted || (same(token, me.token) && (me.running || !token.number)))
        return OK;
    if (me.running)
        forward(PLACE_C_Finalize, nothing);
    me.running = 0;
    me.token = token;
    me.changes++;
    if (token.number && (answer = forward(PLACE_C_Initialize, nothing)) == OK)
        me.running = 1;
    return answer;
}

static void pull(const char *other)
{
    char link[PATH_MAX], fresh[PATH_MAX], now[PATH_MAX], to[2 * PATH_MAX], *end;
    ssize_t length = readlink(in_seat("token", link), now, sizeof now - 1);
    unlink(link);
    notice();
    if (!*other || length < 0)
        return;
    now[length] = 0;
    if ((end = strrchr(now, '/')))
        *end = 0;
    snprintf(to, sizeof to, "%s/%s", now, other);
    unlink(in_seat("token.new", fresh));
    if (symlink(to, fresh) == 0)
        rename(fresh, link);
}

static void rest(double seconds)
{
    struct timespec left = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

/* What the fault does; 1 where `answer` is what the caller gets. */
static int strike(const struct fault *fault, enum place place, word *answer)
{
    switch (fault->action) {
    case FAIL:
        *answer = fault->code;
        return 1;
    case HANG:
        for (;;)
            pause();
    case SLOW:
        rest(fault->seconds);
        return 0;
    case CRASH:
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
        return 0;
    case PULL:
    case SWAP:
        pull(fault->action == SWAP ? fault->other : "");
        *answer = DEVICE_REMOVED;
        /* These two are about the module, and never answer for a token. */
        return place != PLACE_C_Initialize && place != PLACE_C_Finalize;
    default:
        return 0;
    }
}

static word info(const word *a)
{
    struct info *info = (struct info *)a[0];
    if (me.running)
        return forward(PLACE_C_GetInfo, a);
    if (!info)
        return ARGUMENTS_BAD;
    memset(info, 0, sizeof *info);
    info->version[0] = 2, info->version[1] = 40;
    memset(info->maker, ' ', sizeof info->maker);
    memset(info->description, ' ', sizeof info->description);
    return OK;
}

static word slot_list(const word *a)
{
    word *slots = (word *)a[1], *count = (word *)a[2];
    if (me.running)
        return forward(PLACE_C_GetSlotList, a);
    if (!count)
        return ARGUMENTS_BAD;
    /* One reader, which is there without a token too. */
    if (slots && !(a[0] & 0xff)) {
        if (*count < 1)
            return BUFFER_TOO_SMALL;
        slots[0] = 0;
    }
    *count = (a[0] & 0xff) ? 0 : 1;
    return OK;
}

static word slot_info(const word *a)
{
    struct slot_info *info = (struct slot_info *)a[1];
    if (me.running)
        return forward(PLACE_C_GetSlotInfo, a);
    if (!info)
        return ARGUMENTS_BAD;
    memset(info, 0, sizeof *info);
    memset(info->description, ' ', sizeof info->description + sizeof info->maker);
    memcpy(info->description, "Seat of a simulated bench", 25);
    info->flags = REMOVABLE;
    return OK;
}

static word slot_event(const word *a)
{
    if (!a[1])
        return ARGUMENTS_BAD;
    for (;;) {
        struct seen token = look();
        if (!same(token, me.told)) {
            me.told = token;
            *(word *)a[1] = 0;
            return OK;
        }
        if (a[0] & DONT_BLOCK)
            return NO_EVENT;
        rest(0.01);
        if (!me.wanted)
            return CRYPTOKI_NOT_INITIALIZED;
    }
}

static word lifecycle(enum place place, const word *a)
{
    word answer = OK;
    if (place == PLACE_C_Initialize) {
        if (me.wanted)
            return CRYPTOKI_ALREADY_INITIALIZED;
        me.token = me.told = look();
        me.changes++;
        /* Without a token SoftHSM does not start; a maker's module does, with an empty slot. */
        if (me.token.number && (answer = forward(place, a)) == OK)
            me.running = 1;
        me.wanted = answer == OK;
        return answer;
    }
    if (!me.wanted)
        return CRYPTOKI_NOT_INITIALIZED;
    if (me.running)
        answer = forward(place, a);
    me.running = me.wanted = 0;
    return answer;
}

static word with_token(enum place place, word *a)
{
    word answer, *opened = (word *)a[4];
    if (kinds[place] == SESSION) {
        if (!me.running || a[0] >> HANDLE_BITS != me.changes)
            return SESSION_HANDLE_INVALID;
        a[0] &= ((word)1 << HANDLE_BITS) - 1;
    } else if (!me.running)
        return TOKEN_NOT_PRESENT;
    answer = forward(place, a);
    if (answer == PIN_INCORRECT && me.table)
        atomic_fetch_add(&me.table->refused, 1);
    if (answer == OK && place == PLACE_C_OpenSession)
        *opened |= me.changes << HANDLE_BITS;
    return answer;
}

static word carry_out(enum place place, const word *given)
{
    word a[8];
    word answer;
    memcpy(a, given, sizeof a);
    if (place == PLACE_C_Initialize || place == PLACE_C_Finalize)
        return lifecycle(place, a);
    if (!me.wanted)
        return CRYPTOKI_NOT_INITIALIZED;
    if ((answer = notice()) != OK)
        return answer;
    switch (place) {
    case PLACE_C_GetInfo:
        return info(a);
    case PLACE_C_GetSlotList:
        return slot_list(a);
    case PLACE_C_GetSlotInfo:
        return slot_info(a);
    case PLACE_C_WaitForSlotEvent:
        return slot_event(a);
    default:
        return with_token(place, a);
    }
}

/* A key pair of which the token kept the public half only, as one that lost its power may. */
static word half_done(enum place place, const word *a)
{
    word answer = carry_out(place, a);
    if (answer == OK && place == PLACE_C_GenerateKeyPair) {
        const word destroy[8] = {a[0], *(word *)a[7]};
        carry_out(PLACE_C_DestroyObject, destroy);
    }
    return answer;
}

static word call(enum place place, const word *a)
{
    struct fault *fault = faults_met(me.table, names[place]);
    word answer, done;
    if (!fault)
        return carry_out(place, a);
    if (fault->when == BEFORE)
        return strike(fault, place, &answer) ? answer : carry_out(place, a);
    done = fault->when == DURING ? half_done(place, a) : carry_out(place, a);
    return strike(fault, place, &answer) ? answer : done;
}

#define DEFINE(name, kind) \
    word name(word a, word b, word c, word d, word e, word f, word g, word h) \
    { \
        return call(PLACE_##name, (const word[]){a, b, c, d, e, f, g, h}); \
    }
FIRST(DEFINE)
REST(DEFINE)

word C_GetFunctionList(struct list **list);

#define ENTRY(name, kind) (function)(void (*)(void))name,
static struct list mine = {{2, 40}, {FUNCTIONS(ENTRY)}};

word C_GetFunctionList(struct list **list)
{
    char path[PATH_MAX];
    const char *configuration = getenv("SOFTHSM2_CONF");
    void *library;
    word (*get)(struct list **);
    char *end;
    if (!list)
        return ARGUMENTS_BAD;
    if (!me.real) {
        if (!configuration || !(library = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL)))
            return GENERAL_ERROR;
        get = (word(*)(struct list **))dlsym(library, "C_GetFunctionList");
        if (!get || get(&me.real) != OK)
            return GENERAL_ERROR;
        snprintf(me.seat, sizeof me.seat, "%s", configuration);
        if ((end = strrchr(me.seat, '/')))
            *end = 0;
        else
            strcpy(me.seat, ".");
        me.table = faults_open(in_seat("faults", path));
    }
    *list = &mine;
    return OK;
}
