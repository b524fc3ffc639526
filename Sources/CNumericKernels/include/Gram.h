#ifndef CNK_GRAM_H
#define CNK_GRAM_H

#include <stddef.h>

/// Inner products of the columns of tall matrices, in a fixed order: gram has count · count elements and is symmetric.

/// gram[i, j] = Σ columns[i · length + k] · columns[j · length + k]: each column's elements lie one after the other.
void cnk_gram_of_columns(const double *_Nonnull columns, size_t length, size_t count, double *_Nonnull gram);

/// gram[i, j] = Σ rows[k · count + i] · rows[k · count + j]: each row's elements lie one after the other.
void cnk_gram_of_rows(const double *_Nonnull rows, size_t length, size_t count, double *_Nonnull gram);

#endif
