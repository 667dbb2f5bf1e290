// What to do when a request meets trouble: one table, event × kind of request.
//
// The reasons stand beside the rows in failure_table.cpp. Source: Redis Cluster specification; the behaviour
// of Redis 7.0's getNodeByQuery() (a request that is redirected or refused there has not been run).
#pragma once
#include <cstdint>
#include <string_view>

#include "protocol/command_spec.h"
#include "protocol/error_reply.h"

namespace slotless::session {

enum class Trouble : std::uint8_t {
  Unsent,    // there is no link, or it broke before all bytes had left
  LostSent,  // the link broke after all bytes had left
  // It broke while this was answered, or perhaps so: it may break the next one, too …
  Suspected,
  BrokeAgain,  // … and has, though it was alone there
  // Its node was lost when it had been at this for longer than suspect-after, and it is not known to be
  // cheap.
  RanLong,
  // The link broke while this large request was being written: the node may refuse it for its size …
  UnsentLarge,
  RefusedAgain,  // … and the next one broke as well
  Late,          // reply-timeout: the link stands, and the node may still be at it
  Moved,
  Ask,
  TryAgain,
  ClusterDown,
  Loading,
  ReadOnly,
  MasterDown,
  NoScript,    // the node lacks the script that EVALSHA names
  ForeignKey,  // a script wanted a key that it has not declared and its node has not
  NoAuth,      // the node does not know any more who the proxy is: its link is made again
  NoPerm,      // its user may not do that; counts only while the credentials change
  Unblocked,   // a blocked command was sent away, because its node is no longer the one to wait at
  None,        // an error reply that belongs to the client
};
inline constexpr std::size_t kTroubleCount = static_cast<std::size_t>(Trouble::None) + 1;

enum class RequestKind : std::uint8_t {
  Read,  // cannot write
  Write,
  ScriptRead,   // may return any error text, but cannot write (EVAL_RO, FCALL_RO)
  ScriptWrite,  // may return any error text, after having written (EVAL, FCALL, commands of modules)
  Blocking,     // waits, and may take something away
  Transaction,  // MULTI … EXEC in one piece: refused before EXEC was run, or run as a whole
};
inline constexpr std::size_t kRequestKindCount = 6;

enum class Action : std::uint8_t {
  Reroute,       // send it again where the redirect or the topology says, as soon as there is a link
  RetryLater,    // send it again after a pause
  RetryOnProof,  // the same, once the node has refused a plain read of the same keys as well
  LoadScript,    // send it again with the script in front, if it is known
  AskOthers,     // send it to each of the other masters in turn, until one has what it wants
  RepeatAlone,   // send it again, on a connection that nobody else uses
  Ambiguous,     // it may have been run: tell the client, never repeat it
  GiveUp,        // an error that tells what happened
  PassOn,        // the client gets the error as it is
};

Trouble troubleOf(protocol::ErrorClass errorClass) noexcept;
RequestKind kindOf(const protocol::CommandSpec& spec) noexcept;
// `serverText`: the error is word for word one of the server's own (ErrorReply::serverText).
Action actionFor(Trouble trouble, RequestKind kind, bool serverText) noexcept;
std::string_view troubleName(Trouble trouble) noexcept;
// The node may have run the request.
bool wasSent(Trouble trouble) noexcept;
// The error for Action::GiveUp and Action::Ambiguous.
std::string_view textOf(Trouble trouble, Action action) noexcept;

}  // namespace slotless::session
