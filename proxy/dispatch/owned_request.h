// One request of a client, taken out of its input: for work that goes on when the input has moved.
//
// Ownership: of all that the arguments point to. A large request is handed over as it is, not copied.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "proxy/net/block_pool.h"

namespace slotless::session {

struct OwnedRequest {
  std::vector<std::string_view> arguments;
  // Where they are: the one or the other.
  net::BlockPtr block;
  std::string text;

  // Memory that it takes.
  std::size_t bytes() const noexcept {
    return arguments.capacity() * sizeof(std::string_view) + (block == nullptr ? 0 : block->capacity) +
           text.capacity();
  }
  protocol::Argv argv() const noexcept { return arguments; }
};

}  // namespace slotless::session
