// One JSON object, written field by field: for --json.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace slotless::subcommand {

// With quotes; bytes that are not UTF-8 become U+FFFD, since keys may be anything.
std::string jsonText(std::string_view text);

class JsonLine {
 public:
  JsonLine& text(std::string_view name, std::string_view value) { return raw(name, jsonText(value)); }
  template <class T>
  JsonLine& number(std::string_view name, T value) {
    static_assert(std::is_arithmetic_v<T>);
    return raw(name, std::to_string(value));
  }
  JsonLine& flag(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  // `value`: JSON.
  JsonLine& raw(std::string_view name, std::string_view value) {
    fields_ += (fields_.empty() ? "" : ",") + jsonText(name) + ":";
    fields_ += value;
    return *this;
  }
  std::string done() const { return "{" + fields_ + "}"; }

 private:
  std::string fields_;
};

// "[a,b]" of values that are JSON.
template <class Range>
std::string jsonList(const Range& values) {
  std::string list;
  for (const auto& each : values) list.append(list.empty() ? "" : ",").append(each);
  return "[" + list + "]";
}

}  // namespace slotless::subcommand
