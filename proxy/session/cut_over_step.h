// What slotless migrate cut-over and roll-back ask of one proxy (upstream migrating), by PROXY CUT-OVER.
//
//   PREPARE  keeps all requests back, and answers once nothing is under way; holds that for a while
//   SETTLE   does what has been decided, which stands in the cluster: goes over, or goes on as before
//   STATUS   changes nothing
//
// What holds and is not settled in time is settled without being asked, as soon as the cluster tells how.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "proxy/net/loop.h"

namespace slotless::session {

struct CutOverStep {
  enum class Kind : std::uint8_t { Status, Prepare, Settle };
  Kind kind = Kind::Status;
  std::string id{};        // of this cut-over
  bool toServer = false;   // and not to the cluster
  net::Millis patience{};  // PREPARE: for what is under way
  net::Millis hold{};      // PREPARE: as long as clients wait; then it settles by itself
};

// Gets a whole reply.
using CutOverDone = std::function<void(std::string reply)>;

}  // namespace slotless::session
