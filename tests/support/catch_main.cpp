#if SLOTLESS_CATCH2_VERSION == 2
#define CATCH_CONFIG_MAIN
#endif
#include "catch.h"
