#include <openssl/crypto.h>

#include <cstdlib>

#include "proxy/net/heap_account.h"
#include "proxy/net/tls_context.h"

namespace slotless::net {

namespace {

void* allocate(std::size_t bytes, const char*, int) {
  void* memory = std::malloc(bytes);
  if (memory != nullptr) countAllocated(memory);
  return memory;
}

void release(void* memory, const char*, int) {
  if (memory == nullptr) return;
  countFreed(memory);
  std::free(memory);
}

void* reallocate(void* memory, std::size_t bytes, const char* file, int line) {
  if (memory == nullptr) return allocate(bytes, file, line);
  if (bytes == 0) {
    release(memory, file, line);
    return nullptr;
  }
  countFreed(memory);
  void* moved = std::realloc(memory, bytes);
  countAllocated(moved == nullptr ? memory : moved);
  return moved;
}

}  // namespace

bool countTlsMemory() noexcept {
  return CRYPTO_set_mem_functions(allocate, reallocate, release) == 1;
}

}  // namespace slotless::net
