// What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(), as libFuzzer has it:
// whatever the input, it must neither crash nor break a promise that fail() tells of.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace slotless::fuzz {

inline std::string_view textOf(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

[[noreturn]] inline void fail(std::string_view promise) {
  std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

inline void require(bool kept, std::string_view promise) {
  if (!kept) fail(promise);
}

// Takes a byte off the front; 0 at the end.
inline std::uint8_t takeByte(std::string_view& input) {
  if (input.empty()) return 0;
  const auto byte = static_cast<std::uint8_t>(input.front());
  input.remove_prefix(1);
  return byte;
}

// Everything up to the next such byte, in turn.
inline std::vector<std::string_view> split(std::string_view input, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = input.find(at);
    parts.push_back(input.substr(0, end));
    if (end == std::string_view::npos) return parts;
    input.remove_prefix(end + 1);
  }
}

}  // namespace slotless::fuzz
