// How the page writes JSON; private to the room.
#pragma once
#include <chrono>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace slotless::page {

using Json = nlohmann::ordered_json;

inline std::int64_t unixMillis() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What all documents begin with.
inline Json document() {
  return {{"api", 1}, {"generated_ms", unixMillis()}};
}

template <typename Value>
Json orNull(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

// Digits that nobody reads make long documents.
inline double rounded(double value) {
  return std::round(value * 10) / 10;
}

inline std::string textOf(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace slotless::page
