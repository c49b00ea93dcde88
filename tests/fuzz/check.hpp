// What a fuzz target claims must be true in every build.
#pragma once

#include <cstdio>
#include <cstdlib>

#define IRIS_FUZZ_CHECK(CONDITION)                                                        \
  do {                                                                                    \
    if (!(CONDITION)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #CONDITION); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)
