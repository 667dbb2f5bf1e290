// Where the invalidations of CLIENT TRACKING ... REDIRECT go: to another client, perhaps another worker's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace slotless::session {

struct RedirectTarget {
  std::uint64_t client = 0;
  // The number of its worker; nullopt: this one.
  std::optional<std::size_t> worker;
};

class Redirector {
 public:
  // `keys`: an array as RESP; empty for all keys. In RESP3 it is pushed; in RESP2 it is a message to a client
  // that has subscribed to anything, and nothing to any other. If the target has left, `from` is told.
  virtual void redirectInvalidation(std::uint64_t from, const RedirectTarget& target,
                                    std::string_view keys) = 0;

 protected:
  ~Redirector() = default;
};

}  // namespace slotless::session
