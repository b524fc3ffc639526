// An empty data file of ICU's, for the released binaries.
//
// Foundation, which GRDB and Yams import, brings 30 MB of ICU's locale data into a static binary: names of months,
// currencies and languages, which no command prints. ICU takes its data from one symbol; Scripts/release lets the linker (--wrap)
// turn every reference to that symbol to this one, and drop the library's data, to which nothing refers any more. ICU then
// finds a table of no items, as in its own builds whose data is a file apart. Normalisation, case and character properties
// are tables in ICU's code and stay.
//
// ICU_DATA is the symbol's name, which holds ICU's version and comes from the toolchain's library.
// The layout is ICU's "ICU data header" and the table of contents of format "CmnD", version 1.

#include <stdint.h>

struct EmptyData {
    uint16_t header_byte_count;
    uint8_t magic[2];
    uint16_t info_byte_count;
    uint16_t reserved;
    uint8_t is_big_endian, character_set, code_unit_byte_count, reserved_byte;
    uint8_t format[4], format_version[4], data_version[4];
    uint8_t padding[8];
    uint32_t item_count, unused;
};

extern const struct EmptyData ICU_DATA;

__attribute__((aligned(16))) const struct EmptyData ICU_DATA = {
    .header_byte_count = 32,
    .magic = {0xda, 0x27},
    .info_byte_count = 20,
    .code_unit_byte_count = 2,
    .format = "CmnD",
    .format_version = {1},
};
