// What the memory of this process is used for, and what there is to say about it: the one account behind
// PROXY MEMORY and MEMORY DOCTOR.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace slotless::session {

struct MemoryUse {
  std::string name;
  std::size_t bytes = 0;
};

struct MemoryAccount {
  std::size_t residentBytes = 0;
  std::size_t programBytes = 0;  // of it: code, and what else is of files
  std::size_t heapBytes = 0;
  std::vector<MemoryUse> uses;   // of the heap
  std::size_t limitBytes = 0;    // memory-limit; 0: none
  std::size_t countedBytes = 0;  // for it

  // Of the heap, what none of the uses has.
  std::size_t restBytes() const noexcept;
};

// For people: what is wrong and what to do, or that nothing is.
std::string memoryDoctorText(const MemoryAccount& account);

}  // namespace slotless::session
