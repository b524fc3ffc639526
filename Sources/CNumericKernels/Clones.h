#ifndef CNK_CLONES_H
#define CNK_CLONES_H

// One body compiled for several instruction sets; the loader picks one. Fused multiply-add would round differently from
// one to the next, so every kernel file that multiplies and adds says `#pragma STDC FP_CONTRACT OFF`. The thread
// sanitizer's binaries crash in the loader's choice.
#if defined(__x86_64__) && defined(__linux__) && !(defined(__has_feature) && __has_feature(thread_sanitizer))
#define CNK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CNK_CLONES
#endif

#endif
