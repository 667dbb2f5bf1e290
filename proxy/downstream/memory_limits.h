// How much memory clients may make the process hold.
#pragma once
#include <cstddef>
#include <cstdint>

namespace slotless::session {

class ClientConnection;

class MemoryLimits {
 public:
  // Asked once for each piece of input.
  virtual bool scarce() const = 0;
  // So much more, for one client, is not to be collected if there is another way.
  virtual bool isTooMuch(std::uint64_t bytes) const = 0;
  // What one client may hold of what is scarce.
  virtual std::size_t share() const = 0;
  // Nothing is read from the client for now; ClientConnection::readAgain() is called when there is memory
  // again.
  virtual bool holdsBack(const ClientConnection& client) const = 0;

 protected:
  ~MemoryLimits() = default;
};

}  // namespace slotless::session
