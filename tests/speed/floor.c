/* The bare floor of a PKCS#11 seat: the calls of floor_pkcs11.py, without Argon2id and without X.509.
 *
 * bare MODULE SEAT TOKENS CA_CONFIGURATION COUNT, PIN of the CA's token on standard input. SEAT is the link
 * SoftHSM takes for its token directory (SOFTHSM2_CONF names it), TOKENS the folder blanks are made in.
 * Prints a JSON list of [begun, done] per token, seconds since the epoch. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long ulong_t;
typedef struct { ulong_t type; void *value; ulong_t length; } attribute_t;
typedef struct { ulong_t mechanism; void *parameter; ulong_t length; } mechanism_t;

/* Numbers of PKCS#11 v2.40. */
enum { CKU_SO, CKU_USER };
enum { CKO_CERTIFICATE = 1, CKO_PUBLIC_KEY = 2, CKO_PRIVATE_KEY = 3 };
enum {
    CKA_CLASS = 0x0, CKA_TOKEN = 0x1, CKA_PRIVATE = 0x2, CKA_LABEL = 0x3, CKA_VALUE = 0x11,
    CKA_CERTIFICATE_TYPE = 0x80, CKA_ISSUER = 0x81, CKA_SERIAL_NUMBER = 0x82, CKA_SUBJECT = 0x101,
    CKA_ID = 0x102, CKA_SENSITIVE = 0x103, CKA_SIGN = 0x108, CKA_VERIFY = 0x10a, CKA_DERIVE = 0x10c,
    CKA_EXTRACTABLE = 0x162, CKA_LOCAL = 0x163, CKA_NEVER_EXTRACTABLE = 0x164,
    CKA_ALWAYS_SENSITIVE = 0x165, CKA_KEY_GEN_MECHANISM = 0x166, CKA_EC_PARAMS = 0x180, CKA_EC_POINT = 0x181
};
enum { CKM_EC_KEY_PAIR_GEN = 0x1040, CKM_ECDSA = 0x1041 };
enum { CKF_RW_SERIAL = 0x2 | 0x4 };

static void *module;

/* Calls a function of the module by its name; any answer but CKR_OK ends the program. */
#define CALL(name, ...)                                                        \
    do {                                                                       \
        ulong_t (*function)() = (ulong_t(*)())dlsym(module, "C_" #name);       \
        ulong_t answer = function(__VA_ARGS__);                                \
        if (answer) {                                                          \
            fprintf(stderr, "C_" #name ": CKR 0x%lx\n", answer);               \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

static unsigned char yes = 1, no = 0;
static unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static unsigned char digest[32] = "thirty-two bytes to be signed.";
static unsigned char name[120], serial[22], certificate[800];
static char so_pin[] = "48201937", pin[] = "604817";

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static ulong_t first_slot(void)
{
    ulong_t slots[16], count = 16;
    CALL(GetSlotList, 1, slots, &count);
    return slots[0];
}

static ulong_t find(ulong_t session, ulong_t kind, unsigned char *id)
{
    attribute_t wanted[] = {{CKA_CLASS, &kind, sizeof kind}, {CKA_ID, id, 1}};
    ulong_t found = 0, count = 0;
    CALL(FindObjectsInit, session, wanted, id ? 2UL : 1UL);
    CALL(FindObjects, session, &found, 1UL, &count);
    CALL(FindObjectsFinal, session);
    return found;
}

static void sign(ulong_t session, ulong_t key, unsigned char *signature)
{
    mechanism_t ecdsa = {CKM_ECDSA, NULL, 0};
    ulong_t length = 64;
    CALL(SignInit, session, &ecdsa, key);
    CALL(Sign, session, digest, (ulong_t)sizeof digest, signature, &length);
}

/* The CA in a process of its own, as SoftHSM wants for another token directory: signs a digest per byte. */
static int issuer(const char *path, const char *configuration, char *ca_pin)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    if (fork()) {
        close(ends[1]);
        return ends[0];
    }
    close(ends[0]);
    setenv("SOFTHSM2_CONF", configuration, 1);
    module = dlopen(path, RTLD_NOW);
    ulong_t session;
    CALL(Initialize, NULL);
    CALL(OpenSession, first_slot(), (ulong_t)CKF_RW_SERIAL, NULL, NULL, &session);
    CALL(Login, session, (ulong_t)CKU_USER, ca_pin, (ulong_t)strlen(ca_pin));
    ulong_t key = find(session, CKO_PRIVATE_KEY, NULL);
    unsigned char asked, signature[64];
    while (read(ends[1], &asked, 1) == 1) {
        sign(session, key, signature);
        if (write(ends[1], signature, sizeof signature) != sizeof signature) break;
    }
    CALL(Finalize, NULL);
    exit(0);
}

static void make_key(ulong_t session, unsigned char *id, char *label, unsigned char *derives, int ca)
{
    mechanism_t generation = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    attribute_t for_public[] = {
        {CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &no, 1}, {CKA_ID, id, 1}, {CKA_LABEL, label, strlen(label)},
        {CKA_EC_PARAMS, p256, sizeof p256}, {CKA_VERIFY, &yes, 1},
    };
    attribute_t for_private[] = {
        {CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1}, {CKA_ID, id, 1}, {CKA_LABEL, label, strlen(label)},
        {CKA_SENSITIVE, &yes, 1}, {CKA_EXTRACTABLE, &no, 1}, {CKA_SIGN, &yes, 1}, {CKA_DERIVE, derives, 1},
    };
    ulong_t public_key, private_key, kind = CKO_CERTIFICATE, x509 = 0, mechanism;
    CALL(GenerateKeyPair, session, &generation, for_public, 6UL, for_private, 8UL, &public_key, &private_key);
    unsigned char point[80], local, sensitive, never, signature[64];
    attribute_t told[] = {{CKA_EC_POINT, point, sizeof point}};
    attribute_t evidence[] = {
        {CKA_LOCAL, &local, 1}, {CKA_ALWAYS_SENSITIVE, &sensitive, 1},
        {CKA_NEVER_EXTRACTABLE, &never, 1}, {CKA_KEY_GEN_MECHANISM, &mechanism, sizeof mechanism},
    };
    CALL(GetAttributeValue, session, public_key, told, 1UL);
    CALL(GetAttributeValue, session, private_key, evidence, 4UL);
    sign(session, private_key, signature);
    if (write(ca, "s", 1) != 1 || read(ca, signature, sizeof signature) != sizeof signature) exit(1);
    attribute_t loaded[] = {
        {CKA_CLASS, &kind, sizeof kind}, {CKA_CERTIFICATE_TYPE, &x509, sizeof x509}, {CKA_TOKEN, &yes, 1},
        {CKA_PRIVATE, &no, 1}, {CKA_ID, id, 1}, {CKA_LABEL, label, strlen(label)},
        {CKA_SUBJECT, name, sizeof name}, {CKA_ISSUER, name, sizeof name},
        {CKA_SERIAL_NUMBER, serial, sizeof serial}, {CKA_VALUE, certificate, sizeof certificate},
    };
    ulong_t object;
    CALL(CreateObject, session, loaded, 10UL, &object);
}

static void read_back(ulong_t session, unsigned char *id)
{
    unsigned char found[sizeof certificate], signature[64];
    attribute_t value = {CKA_VALUE, found, sizeof found};
    CALL(GetAttributeValue, session, find(session, CKO_CERTIFICATE, id), &value, 1UL);
    if (memcmp(found, certificate, sizeof found)) exit(1);
    mechanism_t ecdsa = {CKM_ECDSA, NULL, 0};
    sign(session, find(session, CKO_PRIVATE_KEY, id), signature);
    CALL(VerifyInit, session, &ecdsa, find(session, CKO_PUBLIC_KEY, id));
    CALL(Verify, session, digest, (ulong_t)sizeof digest, signature, (ulong_t)sizeof signature);
}

static void personalise(int ca)
{
    unsigned char label[32], first = 1, second = 2;
    memset(label, ' ', sizeof label);
    memcpy(label, "Group 000001", 12);
    ulong_t slot = first_slot(), session;
    CALL(InitToken, slot, so_pin, (ulong_t)strlen(so_pin), label);
    CALL(OpenSession, slot, (ulong_t)CKF_RW_SERIAL, NULL, NULL, &session);
    CALL(Login, session, (ulong_t)CKU_SO, so_pin, (ulong_t)strlen(so_pin));
    CALL(InitPIN, session, pin, (ulong_t)strlen(pin));
    CALL(Logout, session);
    CALL(Login, session, (ulong_t)CKU_USER, pin, (ulong_t)strlen(pin));
    make_key(session, &first, "Authentication", &no, ca);
    make_key(session, &second, "Confidentiality", &yes, ca);
    read_back(session, &first);
    read_back(session, &second);
    CALL(CloseSession, session);
}

int main(int count, char **given)
{
    char ca_pin[64], token[4096];
    if (count != 6 || scanf("%63s", ca_pin) != 1) return 2;
    memset(certificate, 0x30, sizeof certificate);
    int ca = issuer(given[1], given[4], ca_pin);
    module = dlopen(given[1], RTLD_NOW);
    printf("[");
    for (int number = 0; number < atoi(given[5]); number++) {
        snprintf(token, sizeof token, "%s/bare-%d", given[3], number);
        if (mkdir(token, 0700) || symlink(token, given[2])) return 1;
        CALL(Initialize, NULL);
        double begun = now();
        personalise(ca);
        printf("%s[%f, %f]", number ? ", " : "", begun, now());
        CALL(Finalize, NULL);
        unlink(given[2]);
    }
    printf("]\n");
    fflush(stdout);
    close(ca);
    wait(NULL);
    return 0;
}
