#ifndef CPAIRED_SHA256_H
#define CPAIRED_SHA256_H

#include <stddef.h>
#include <stdint.h>

/// Whether this processor has the SHA instructions that ``cpaired_sha256_blocks`` needs.
int cpaired_sha256_is_supported(void);

/// Runs the compression function of FIPS 180-4 over `count` blocks of 64 bytes of two messages at once.
///
/// The SHA instructions of one message wait for each other; those of another fill the gaps, so two messages take little
/// longer than one. Each state has eight words and is replaced.
void cpaired_sha256_blocks(uint32_t *_Nonnull first_state, const uint8_t *_Nonnull first,
                           uint32_t *_Nonnull second_state, const uint8_t *_Nonnull second, size_t count);

#endif
