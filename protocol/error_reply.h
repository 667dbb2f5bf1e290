// Gives an error reply of a node its meaning for routing: is it a redirect, a temporary state, or the
// client's business? Source: Redis 7.0 cluster.c getNodeByQuery()/clusterRedirectClient(), server.c
// processCommand() and shared.* texts.
#pragma once
#include <cstdint>
#include <string_view>

#include "protocol/slot.h"

namespace slotless::protocol {

enum class ErrorClass : std::uint8_t {
  Other,        // belongs to the client, whole
  Moved,        // MOVED slot host:port
  Ask,          // ASK slot host:port
  TryAgain,     // TRYAGAIN Multiple keys request during rehashing of slot
  ClusterDown,  // CLUSTERDOWN The cluster is down, CLUSTERDOWN Hash slot not served
  Loading,      // LOADING Redis is loading the dataset in memory
  ReadOnly,     // READONLY You can't write against a read only replica.
  MasterDown,   // MASTERDOWN Link with MASTER is down …
  NoScript,     // NOSCRIPT No matching script …
  CrossSlot,    // CROSSSLOT Keys in request don't hash to the same slot
  NoAuth,       // NOAUTH Authentication required.
  NoPerm,       // NOPERM this user has no permissions to run …
  Busy,         // BUSY Redis is busy running a script …
  Misconf,      // MISCONF …
  NoReplicas,   // NOREPLICAS …
  OutOfMemory,  // OOM …
  ExecAbort,    // EXECABORT …
  ForeignKey,   // a script's: … attempted to access a non local key in a cluster node …
  Unblocked,  // UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)
};

struct ErrorReply {
  ErrorClass errorClass = ErrorClass::Other;
  // Redirects only. An empty host means "the host you asked"; IPv6 hosts come without brackets.
  Slot slot = kNoSlot;
  std::string_view host;
  std::uint16_t port = 0;
  // True if the whole text is exactly one that the server itself writes for this class (scripts and modules
  // can return any text that merely begins alike).
  bool serverText = false;
};

// `line`: an error reply's line, with or without the leading '-' and the trailing CRLF. A malformed redirect
// is Other.
ErrorReply classifyError(std::string_view line) noexcept;

}  // namespace slotless::protocol
