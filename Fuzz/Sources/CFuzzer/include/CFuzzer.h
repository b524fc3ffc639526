#pragma once
#include <stddef.h>
#include <stdint.h>

// libFuzzer's own mutations, for custom mutators.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maximum);

// A file in memory; a descriptor.
int fuzzer_memory_file(void);

// Starts counting: from here on, a single allocation above the first limit, or live allocations above the second
// in total, end the process as a crash.
void fuzzer_cap_allocations(size_t single, size_t total);

// Ends the counting; the highest total since it began.
size_t fuzzer_uncap_allocations(void);
