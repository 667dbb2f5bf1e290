// What is wrong with a configuration, for a human.
#pragma once

#include <string>
#include <vector>

namespace slotless::config {

struct Error {
  std::string
      source;  // "slotless.yaml:12", "environment variable X", "command-line argument 3 (--x)", or empty.
  std::string option;   // Empty if no option is concerned.
  std::string problem;  // What was found and what is allowed. Never holds a secret.

  // "slotless.yaml:12: hold-timeout: found ...; allowed: ..."
  std::string text() const;
};

using Errors = std::vector<Error>;

}  // namespace slotless::config
