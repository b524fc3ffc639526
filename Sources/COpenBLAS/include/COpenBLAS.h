#ifndef COPENBLAS_H
#define COPENBLAS_H

/// OpenBLAS, loaded where something is computed with it: most commands never need it, and loading it takes longer than
/// some of them, since it also starts threads.

/// The numbers that stand for choices, as CBLAS fixes them.
#define COB_ROW_MAJOR 101
#define COB_COLUMN_MAJOR 102
#define COB_NO_TRANSPOSE 111
#define COB_TRANSPOSE 112
#define COB_UPPER 121
#define COB_NON_UNIT 131
#define COB_LEFT 141

/// Loads the library, once, and has it compute on the calling thread: the matrices are too small to gain from more, and
/// one thread always adds in the same order. Returns NULL, or why the library cannot be used. Precedes all else.
const char *_Nullable cob_load(void);

// CBLAS and LAPACK as they are documented; all arguments of the latter by address, matrices column-major (LAPACK Users'
// Guide, 3rd edition).
void cob_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *_Nonnull a,
               int lda, const float *_Nonnull b, int ldb, float beta, float *_Nonnull c, int ldc);
void cob_dgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha,
               const double *_Nonnull a, int lda, const double *_Nonnull b, int ldb, double beta, double *_Nonnull c,
               int ldc);
void cob_dtrsm(int order, int side, int uplo, int transpose, int diagonal, int m, int n, double alpha,
               const double *_Nonnull a, int lda, double *_Nonnull b, int ldb);
void cob_dgeqrf(const int *_Nonnull m, const int *_Nonnull n, double *_Nonnull a, const int *_Nonnull lda,
                double *_Nonnull tau, double *_Nonnull work, const int *_Nonnull lwork, int *_Nonnull info);
void cob_dorgqr(const int *_Nonnull m, const int *_Nonnull n, const int *_Nonnull k, double *_Nonnull a,
                const int *_Nonnull lda, const double *_Nonnull tau, double *_Nonnull work, const int *_Nonnull lwork,
                int *_Nonnull info);
void cob_dgesdd(const char *_Nonnull jobz, const int *_Nonnull m, const int *_Nonnull n, double *_Nonnull a,
                const int *_Nonnull lda, double *_Nonnull s, double *_Nonnull u, const int *_Nonnull ldu,
                double *_Nonnull vt, const int *_Nonnull ldvt, double *_Nonnull work, const int *_Nonnull lwork,
                int *_Nonnull iwork, int *_Nonnull info);
void cob_dgesvd(const char *_Nonnull jobu, const char *_Nonnull jobvt, const int *_Nonnull m, const int *_Nonnull n,
                double *_Nonnull a, const int *_Nonnull lda, double *_Nonnull s, double *_Nonnull u,
                const int *_Nonnull ldu, double *_Nonnull vt, const int *_Nonnull ldvt, double *_Nonnull work,
                const int *_Nonnull lwork, int *_Nonnull info);
void cob_dpotrf(const char *_Nonnull uplo, const int *_Nonnull n, double *_Nonnull a, const int *_Nonnull lda,
                int *_Nonnull info);

#endif
