// EXEC's reply, one command after the other, where some are answered behind the node's EXEC: what has to be
// asked of several nodes (INFO, CONFIG GET …) or of all workers (CLIENT LIST …), see behind_exec.h.
//
// Behind it and not before, since the node's EXEC may run nothing (a watched key has changed, a command was
// refused), may have to be held until a failover is over, and must never be sent twice: with its reply it is
// over, and what goes wrong from then on is an error in the place of one command. What comes behind it also
// sees what the transaction has done. The commands that the proxy answers at once are carried out on the way,
// so that all that are not the node's are carried out in their order.
//
// Ownership: refers to the transaction, and to the client, whose first pending request this is the reply of.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "proxy/routing/plan.h"
#include "proxy/session/transaction.h"

namespace slotless::session {

class Client;
struct Services;

class ExecWalk {
 public:
  ExecWalk(Services& services, Client& client, const Transaction& transaction)
      : services_(services), client_(client), transaction_(transaction) {}

  // The nodes' part is over. `execReply`: theirs, as one; empty: nothing was for them. `slot`: where it has
  // come from; kNoSlot: the transaction knows.
  void begin(std::string execReply, protocol::Slot slot);
  bool begun() const noexcept { return begun_; }
  // Takes what was asked for last, if something was. True: `plan` has what to ask for next, or is as it was:
  // what was asked for comes by itself. False: the reply is complete.
  bool goOn(std::span<const routing::PartReply> parts, routing::Plan& plan);
  // Whether nodes that leave the cluster meanwhile are not missed.
  bool canForgo() const;
  std::string takeReply();

 private:
  enum class Asked : std::uint8_t { Nobody, Nodes, Workers };

  // False: it asks for more.
  bool take(std::span<const routing::PartReply> parts, routing::Plan& plan);
  // False: it has its reply already.
  bool ask(const Transaction::Later& command, routing::Plan& plan);
  bool askNodes(const Transaction::Later& command, protocol::Argv argv, routing::Plan& plan);
  bool assemble();

  Services& services_;
  Client& client_;
  const Transaction& transaction_;
  bool begun_ = false;
  bool heard_ = false;  // CLIENT REPLY has not switched replies off before
  protocol::Slot slot_ = protocol::kNoSlot;
  std::string execReply_;
  std::string reply_;
  Transaction::Position position_;
  // Of the command at that position:
  Asked asked_ = Asked::Nobody;
  std::unique_ptr<routing::Composer> composer_;
  routing::Merge merge_ = routing::Merge::None;
  bool staged_ = false;
};

}  // namespace slotless::session
