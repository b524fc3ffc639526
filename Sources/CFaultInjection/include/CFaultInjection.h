#ifndef C_FAULT_INJECTION_H
#define C_FAULT_INJECTION_H

/// A library for LD_PRELOAD that lets one file-system call of a process fail, or kills the process there.
///
/// Counts the calls that concern files whose paths contain FAULT_ROOT: opening, reading, writing, flushing, cutting, renaming, linking,
/// removing, making folders and setting modes, whoever makes them, SQLite included. The call whose number is FAULT_AT
/// fails with FAULT_ERRNO, or with FAULT_MODE=kill ends the process by SIGKILL, a write half done. FAULT_LOG names a file
/// to which a process that ends by itself writes how many calls it made.
///
/// Used by tests alone; nothing links it.

#endif
