#include "COpenBLAS.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

// The functions that are used: the name in the library, and the one of the same type in the header.
#define FUNCTIONS(X)                                                                                                   \
    X(cblas_sgemm, cob_sgemm) X(cblas_dgemm, cob_dgemm) X(cblas_dtrsm, cob_dtrsm) X(dgeqrf_, cob_dgeqrf)               \
    X(dorgqr_, cob_dorgqr) X(dgesdd_, cob_dgesdd) X(dgesvd_, cob_dgesvd) X(dpotrf_, cob_dpotrf)

#define DECLARE(name, ours) static __typeof__(&ours) p_##name;
FUNCTIONS(DECLARE)

static const char *failure;

static void load(void) {
    // Its version of the interface, as the linker would have noted it.
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        failure = dlerror();
        return;
    }
#define FIND(name, ours)                                                                                               \
    p_##name = (__typeof__(p_##name))dlsym(library, #name);                                                            \
    if (p_##name == NULL) {                                                                                            \
        failure = "it has no function " #name;                                                                         \
        return;                                                                                                        \
    }
    FUNCTIONS(FIND)
    void (*set_num_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
    if (set_num_threads == NULL) {
        failure = "it has no function openblas_set_num_threads";
        return;
    }
    // Threads that were started when it was loaded would spin for some milliseconds beside work that needs the
    // processors.
    int (*end_threads)(void) = (int (*)(void))dlsym(library, "blas_thread_shutdown_");
    if (end_threads != NULL) end_threads();
    set_num_threads(1);
}

const char *cob_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return failure;
}

void cob_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
               const float *b, int ldb, float beta, float *c, int ldc) {
    p_cblas_sgemm(order, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void cob_dgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha, const double *a, int lda,
               const double *b, int ldb, double beta, double *c, int ldc) {
    p_cblas_dgemm(order, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void cob_dtrsm(int order, int side, int uplo, int transpose, int diagonal, int m, int n, double alpha, const double *a,
               int lda, double *b, int ldb) {
    p_cblas_dtrsm(order, side, uplo, transpose, diagonal, m, n, alpha, a, lda, b, ldb);
}
void cob_dgeqrf(const int *m, const int *n, double *a, const int *lda, double *tau, double *work, const int *lwork,
                int *info) {
    p_dgeqrf_(m, n, a, lda, tau, work, lwork, info);
}
void cob_dorgqr(const int *m, const int *n, const int *k, double *a, const int *lda, const double *tau, double *work,
                const int *lwork, int *info) {
    p_dorgqr_(m, n, k, a, lda, tau, work, lwork, info);
}
void cob_dgesdd(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s, double *u,
                const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork, int *iwork, int *info) {
    p_dgesdd_(jobz, m, n, a, lda, s, u, ldu, vt, ldvt, work, lwork, iwork, info);
}
void cob_dgesvd(const char *jobu, const char *jobvt, const int *m, const int *n, double *a, const int *lda, double *s,
                double *u, const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork, int *info) {
    p_dgesvd_(jobu, jobvt, m, n, a, lda, s, u, ldu, vt, ldvt, work, lwork, info);
}
void cob_dpotrf(const char *uplo, const int *n, double *a, const int *lda, int *info) {
    p_dpotrf_(uplo, n, a, lda, info);
}
