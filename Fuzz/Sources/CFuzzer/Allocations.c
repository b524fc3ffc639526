#define _GNU_SOURCE
#include "CFuzzer.h"
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// The program's malloc stands before glibc's and forwards to it, so that what an input makes the library allocate is
// counted exactly. libFuzzer's -malloc_limit_mb does the same, but only under AddressSanitizer, which has its own malloc.

static atomic_long live, peak;
static atomic_size_t single_limit = SIZE_MAX, total_limit = SIZE_MAX;

void fuzzer_cap_allocations(size_t single, size_t total) {
    atomic_store(&live, 0);
    atomic_store(&peak, 0);
    atomic_store(&single_limit, single);
    atomic_store(&total_limit, total);
}

size_t fuzzer_uncap_allocations(void) {
    atomic_store(&single_limit, SIZE_MAX);
    atomic_store(&total_limit, SIZE_MAX);
    return (size_t)atomic_load(&peak);
}

int fuzzer_memory_file(void) { return memfd_create("fuzz", MFD_CLOEXEC); }

#if !__has_feature(address_sanitizer)

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static void refuse(size_t size, const char *what) {
    fuzzer_uncap_allocations();
    char message[160];
    int length = snprintf(message, sizeof message, "Fuzz: allocation cap exceeded: %s %zu bytes\n", what, size);
    if (write(2, message, (size_t)length) < 0) _exit(77);
    abort();
}

static void *counted(void *pointer) {
    if (pointer == NULL) return NULL;
    long now = atomic_fetch_add_explicit(&live, (long)malloc_usable_size(pointer), memory_order_relaxed)
        + (long)malloc_usable_size(pointer);
    if (now > atomic_load_explicit(&peak, memory_order_relaxed))
        atomic_store_explicit(&peak, now, memory_order_relaxed);
    if (now > 0 && (size_t)now > atomic_load_explicit(&total_limit, memory_order_relaxed)) refuse((size_t)now, "in total");
    return pointer;
}

static void check(size_t size) {
    if (size > atomic_load_explicit(&single_limit, memory_order_relaxed)) refuse(size, "one of");
}

static void discount(void *pointer) {
    if (pointer != NULL)
        atomic_fetch_sub_explicit(&live, (long)malloc_usable_size(pointer), memory_order_relaxed);
}

void *malloc(size_t size) {
    check(size);
    return counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
    size_t total;
    check(__builtin_mul_overflow(count, size, &total) ? SIZE_MAX : total);
    return counted(__libc_calloc(count, size));
}

void *realloc(void *pointer, size_t size) {
    check(size);
    discount(pointer);
    void *moved = __libc_realloc(pointer, size);
    if (moved == NULL && size != 0) return counted(pointer), NULL;
    return counted(moved);
}

void *memalign(size_t alignment, size_t size) {
    check(size);
    return counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *pointer = memalign(alignment, size);
    if (pointer == NULL) return ENOMEM;
    *result = pointer;
    return 0;
}

void free(void *pointer) {
    discount(pointer);
    __libc_free(pointer);
}

#endif
