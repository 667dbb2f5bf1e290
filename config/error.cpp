#include "config/error.h"

namespace slotless::config {

std::string Error::text() const {
  std::string result;
  for (const auto& part : {source, option}) {
    if (!part.empty()) result += part + ": ";
  }
  return result + problem;
}

}  // namespace slotless::config
