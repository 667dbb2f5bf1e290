// What MEMORY DOCTOR finds in an account of memory.
#include "proxy/observe/memory_report.h"

#include "catch.h"

namespace slotless::session {
namespace {

constexpr std::size_t kMiB = std::size_t{1024} * 1024;

// Nothing is wrong with it.
MemoryAccount wellAccount() {
  MemoryAccount account;
  account.residentBytes = 120 * kMiB;
  account.programBytes = 20 * kMiB;
  account.heapBytes = 90 * kMiB;
  account.uses = {{"client_input", 30 * kMiB}, {"client_output", 30 * kMiB}, {"shadow", 0}};
  account.limitBytes = 1000 * kMiB;
  account.countedBytes = 80 * kMiB;
  return account;
}

bool tells(const MemoryAccount& account, const std::string& part) {
  return memoryDoctorText(account).find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("where all is well that is said, with how much is in use", "[memory]") {
  CHECK(memoryDoctorText(wellAccount()) ==
        "Slotless finds nothing wrong with its own memory: 80.0 MiB are in use, and memory-limit is 1000.0 "
        "MiB.\n\n");
  CHECK(wellAccount().restBytes() == 30 * kMiB);
}

TEST_CASE("a limit that there is not, or that is near, is told", "[memory]") {
  MemoryAccount account = wellAccount();
  account.limitBytes = 0;
  CHECK(tells(account, "in its own memory:\n\n * No limit: memory-limit is 0."));
  account.limitBytes = 100 * kMiB;
  account.countedBytes = 89 * kMiB;
  CHECK(tells(account, " * Past half of the limit: 89.0 MiB of 100.0 MiB are in use."));
  account.countedBytes = 90 * kMiB;
  CHECK(tells(account, " * At the limit: 90.0 MiB of 100.0 MiB are in use."));
  CHECK_FALSE(tells(account, "Past half"));
}

TEST_CASE("what most of the heap is for is told, with what to do, if it is much", "[memory]") {
  MemoryAccount account = wellAccount();
  account.uses[1].bytes = 63 * kMiB;
  CHECK_FALSE(tells(account, "Mostly"));
  account.uses[1].bytes = 64 * kMiB;
  CHECK(tells(account, " * Mostly client_output: 64.0 MiB of the heap's 90.0 MiB. Clients do not read"));
  account.uses[1].bytes = 0;
  account.uses[2].bytes = 70 * kMiB;
  CHECK(tells(account, " * Mostly shadow: 70.0 MiB of the heap's 90.0 MiB. PROXY MEMORY has all uses."));
  account.uses.clear();
  CHECK(account.restBytes() == account.heapBytes);
  CHECK(tells(account, " * Mostly for no client: 90.0 MiB of the heap's 90.0 MiB."));
}

TEST_CASE("uses that are more than the heap leave no rest", "[memory]") {
  MemoryAccount account = wellAccount();
  account.heapBytes = 10 * kMiB;
  CHECK(account.restBytes() == 0);
}

TEST_CASE("much that is resident and not used is told", "[memory]") {
  MemoryAccount account = wellAccount();
  account.residentBytes = 170 * kMiB;  // less than half more
  CHECK_FALSE(tells(account, "More resident"));
  account.residentBytes = 175 * kMiB;
  CHECK(tells(account, " * More resident than used: 175.0 MiB for a heap of 90.0 MiB."));
  account.heapBytes = account.programBytes = kMiB;
  account.residentBytes = 65 * kMiB;  // not much
  CHECK_FALSE(tells(account, "More resident"));
}

}  // namespace slotless::session
