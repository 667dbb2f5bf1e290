// A parsed value, or why there is none.
#pragma once

#include <optional>
#include <string>

namespace slotless::config {

template <class T>
struct Parsed {
  std::optional<T> value;
  std::string reason;  // Without a value: what is wrong, if there is more to say than what is allowed.
};

}  // namespace slotless::config
