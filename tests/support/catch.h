// The one include for tests: Catch2 2 (Debian 12) and Catch2 3 (Debian 13) differ in their header's name.
#pragma once
#if SLOTLESS_CATCH2_VERSION == 2
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif
