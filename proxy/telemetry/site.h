// The place in the code that a call comes from: std::source_location, or where the standard library has none
// for the compiler (clang 14, which builds the fuzz targets) the same of what it needs.
#pragma once
#include <version>

#ifdef __cpp_lib_source_location
#include <source_location>
#else
#include <cstdint>
#endif

namespace slotless::log {

#ifdef __cpp_lib_source_location
using Site = std::source_location;
#else
class Site {
 public:
  static constexpr Site current(const char* file = __builtin_FILE(),
                                std::uint_least32_t line = __builtin_LINE(),
                                std::uint_least32_t column = __builtin_COLUMN()) noexcept {
    Site site;
    site.file_ = file;
    site.line_ = line;
    site.column_ = column;
    return site;
  }
  constexpr const char* file_name() const noexcept { return file_; }
  constexpr std::uint_least32_t line() const noexcept { return line_; }
  constexpr std::uint_least32_t column() const noexcept { return column_; }

 private:
  const char* file_ = "";
  std::uint_least32_t line_ = 0;
  std::uint_least32_t column_ = 0;
};
#endif

}  // namespace slotless::log
