// Where one request goes and how its replies become one.
//
// Units: argument positions index argv. Ownership: a plan refers to nothing; the caller keeps one and has it
// filled again, so that planning allocates nothing in the steady state.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/slot.h"
#include "proxy/net/address/address.h"

namespace slotless::routing {

// How the replies of several nodes or slots become one. Where a reply is an error, the first one is the
// answer, whole.
enum class Merge : std::uint8_t {
  None,         // there is one reply
  Interleave,   // arrays with one element per key: back into the order of the keys
  Concatenate,  // arrays: one after the other
  Sum,
  Minimum,
  Maximum,
  LogicalAnd,  // of integers, or element by element of arrays of integers
  LogicalOr,
  First,         // all the same: the first
  FirstSuccess,  // the first that is no error, else the first error (NOTBUSY last)
  FirstNonNull,
  Automatic,      // arrays: one after the other; else the first
  Union,          // arrays: each different element once
  SumByName,      // name, number, name, number …: the numbers are summed
  Texts,          // each different text once, one below the other
  FunctionStats,  // of the node that is running a function, else the first
  MemoryStats,    // sums; of ratios the largest
  Digest,         // DEBUG DIGEST
};

struct PartReply {
  std::string_view bytes;               // one whole reply
  std::span<const std::uint32_t> keys;  // Merge::Interleave: which elements of the result it holds
};

struct Plan;

// Makes the reply of a command that the proxy puts together itself out of what it asked nodes for.
class Composer {
 public:
  virtual ~Composer() = default;
  // Appends the reply to `out`. Errors among the parts are the composer's to judge. False: the reply is an
  // error.
  virtual bool compose(std::span<const PartReply> parts, std::string& out) = 0;
  // How the parts become the reply where that is all; None: compose() makes it.
  virtual Merge merges() const { return Merge::None; }
  // For replies that may be of any length: about so many `elements` of the same reply are dealt with at each
  // call, and then there is more to come, or it is over. compose() is not called then.
  enum class Piece : std::uint8_t { More, Good, Failed };
  virtual bool composesInPieces(std::span<const PartReply>) const { return false; }
  virtual Piece composePiece(std::span<const PartReply>, std::string&, std::size_t) { return Piece::Failed; }
  // For commands in stages (Plan::staged): asked before compose(). True: `plan` has what to ask for next,
  // Prepared, and the parts are over; or it is for Nobody, and goOn() is to be called again, in another turn:
  // there is much to do.
  virtual bool goOn(std::span<const PartReply>, Plan&) { return false; }
  // Whether the request is over with the parts that are under way now, as far as is known.
  virtual bool isLastStage() const { return true; }
  // Whether nodes that leave the cluster meanwhile are not missed.
  virtual bool canForgo() const { return false; }
};

// The arguments of one slot of a split request.
struct Part {
  protocol::Slot slot = protocol::kNoSlot;
  std::vector<std::uint32_t>
      keys;             // BySlot: ordinal numbers of its keys in the request: 0 for the first key …
  std::string request;  // Prepared: what is to be sent
};

struct Plan {
  enum class Kind : std::uint8_t {
    OneSlot,   // as it is, to the owner of `slot`
    AnyNode,   // as it is, to any master
    EachNode,  // as it is, to every master, and if `replicas` is set to every replica
    BySlot,    // split into parts[0 .. partCount)
    Prepared,  // parts[0 .. partCount), each with a request of its own, to the owners of their slots or to
               // `node`
    Nobody,    // `composer` makes the reply without asking anybody
    Refused,   // `error` is the answer
  };
  Kind kind = Kind::Refused;
  Merge merge = Merge::None;
  protocol::Slot slot = protocol::kNoSlot;
  std::string error;
  std::size_t partCount = 0;
  std::vector<Part> parts;  // does not shrink but by trim()
  std::optional<net::Address> node;
  // EachNode: what is sent instead of the request, if it is not empty.
  std::string rewritten;
  // EachNode: to the replicas too.
  bool replicas = false;
  // EachNode: to whatever node may still be at something, so also to masters that have been replaced; but
  // those and replicas are left out if they cannot be reached soon.
  bool lastingNodes = false;
  // EachNode: nodes that cannot be reached soon are left out (the composer gets an error for them).
  bool reachableOnly = false;
  // Prepared, and the composer may go on asking: nothing of the client may be before or behind it.
  bool staged = false;
  // Of a stage: it only reads, whatever the command does; and not from replicas, whatever the client prefers.
  bool reads = false;
  bool fromMasters = false;
  // Of a stage: whether its parts are transactions that write; and how many replies come before each part's
  // own.
  bool writes = false;
  std::uint32_t preludes = 0;
  // Makes the reply in place of `merge`, also of a single one.
  std::unique_ptr<Composer> composer;

  // As new, but for what never shrinks.
  void clear() {
    kind = Kind::Refused;
    merge = Merge::None;
    slot = protocol::kNoSlot;
    partCount = 0;
    node.reset();
    rewritten.clear();
    replicas = false;
    lastingNodes = false;
    reachableOnly = false;
    staged = false;
    reads = false;
    fromMasters = false;
    writes = false;
    preludes = 0;
    composer.reset();
  }
  // Gives back what an unusual request has needed beyond so many bytes, roughly. Requires that the plan is
  // over.
  void trim(std::size_t bytes) {
    if (parts.capacity() * sizeof(Part) > bytes) parts = {};
    for (Part& part : parts) {
      if (part.request.capacity() > bytes || part.keys.capacity() * sizeof(std::uint32_t) > bytes) part = {};
    }
    if (keyPositions.capacity() * sizeof(std::uint32_t) > bytes) keyPositions = {};
    if (rewritten.capacity() > bytes) rewritten = {};
    if (error.capacity() > bytes) error = {};
  }
  int protocol = 2;  // the client's; set by who asks for the plan
  // BySlot: where the keys stand, and how many arguments belong to each (MSET: 2).
  std::vector<std::uint32_t> keyPositions;
  std::uint32_t stride = 1;
};

}  // namespace slotless::routing
