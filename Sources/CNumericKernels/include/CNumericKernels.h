#ifndef CNK_NUMERIC_KERNELS_H
#define CNK_NUMERIC_KERNELS_H

/// Elementwise kernels that Swift runs too slowly: no allocation, no state, the same bits on every instruction set.
/// Each has a scalar twin in Swift that the tests compare it with. Pointers need no alignment beyond their type's.

#include "Elements.h"
#include "Gram.h"
#include "HalfProducts.h"
#include "LowRank.h"
#include "Narrowing.h"
#include "Random.h"
#include "Rounding.h"
#include "Transformer.h"
#include "Widening.h"

#endif
