// Which arguments of a command are secrets: what shows requests to people shows kRedacted in their place.
//
// Views into `argv`, which has to stay. Source: who calls redactClientCommandArgument() in Redis 7.0; there
// an AUTH or HELLO that is malformed is shown whole, here it is not.
#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "protocol/argv.h"

namespace slotless::protocol {

inline constexpr std::string_view kRedacted = "(redacted)";

struct SecretFact;

class Secrets {
 public:
  explicit Secrets(Argv argv) noexcept;
  bool includes(std::size_t position) const noexcept;

 private:
  void find() noexcept;

  Argv argv_;              // of the command itself, which may stand behind another one (COMMAND GETKEYS)
  std::size_t begin_ = 0;  // where that is
  bool all_ = false;       // from there on
  std::array<const SecretFact*, 2> facts_{};
  std::size_t count_ = 0;
};

}  // namespace slotless::protocol
