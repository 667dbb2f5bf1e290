// The client that has CLIENT TRACKING on, beyond its requests (dispatch/downstream.h).
#pragma once
#include <cstddef>
#include <string_view>

#include "proxy/databases/database.h"

namespace slotless::upstream {
class Link;
}

namespace slotless::session {

class Tracked {
 public:
  // A message or the like, between two replies. Its first byte is given apart: the protocols differ in it.
  virtual void push(char first, std::string_view bytes) = 0;
  // Bytes that wait for a reply to leave.
  virtual void countWaiting(std::size_t bytes) = 0;
  virtual void uncountWaiting(std::size_t bytes) noexcept = 0;
  // Of keys of that database; nullptr: of one that the proxy does not have.
  virtual bool mayHearOf(const databases::Database* database) const noexcept = 0;
  // A tracking lease has no link any more, or another one.
  virtual void onTrackingLinkGone(const upstream::Link& link) noexcept = 0;

 protected:
  ~Tracked() = default;
};

}  // namespace slotless::session
