#ifndef C_FAULT_INJECTION_H
#define C_FAULT_INJECTION_H

/// A library for LD_PRELOAD that lets one file-system call of a process fail, or kills the process there.
///
/// Counts the calls that concern files whose paths contain FAULT_ROOT: opening, listing, reading, mapping, locking,
/// writing, flushing, cutting, renaming, linking, removing, making folders and setting modes, whoever makes them, SQLite
/// included. The call whose number is FAULT_AT
/// fails with FAULT_ERRNO, or with FAULT_MODE=kill ends the process by SIGKILL, a write half done. FAULT_LOG names a file
/// to which a process that ends by itself writes how many calls it made.
///
/// FAULT_TRACE names a file to which every call that changed something is added, with the bytes that were written, in
/// order: what a disk has of them after a loss of power can be told from it.
///
/// With FAULT_STATFS=NUMBER statfs(2) says of these paths that they are on a file system with that magic number.
///
/// Used by tests alone; nothing links it.

#endif
