#include "proxy/routing/list_move.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/slot.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

namespace {

// A script, too, so that nothing is done where scripts are denied.
constexpr std::string_view kLook = "--[[slotless]] return redis.pcall('lindex', KEYS[1], ARGV[1])";
constexpr std::string_view kPop =
    "--[[slotless]] if redis.pcall('lindex', KEYS[1], ARGV[2]) ~= ARGV[1] then return 0 end "
    "redis.call(ARGV[3], KEYS[1]) return 1";
constexpr std::string_view kNoList = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
constexpr std::string_view kBusy =
    "-ERR The list changes too often for an element to be moved to another slot: nothing has been moved\r\n";
// Of many that want the same element one gets it, so that somebody goes on in each round.
constexpr int kMostRounds = 200;

struct End {
  std::string_view index;
  std::string_view pop;
  std::string_view push;
  std::string_view firstFound;  // of LREM
};
constexpr End kLeft = {"0", "lpop", "LPUSH", "1"};
constexpr End kRight = {"-1", "rpop", "RPUSH", "-1"};

const End* endNamed(std::string_view word) {
  if (protocol::equalsIgnoringCase(word, "left")) return &kLeft;
  return protocol::equalsIgnoringCase(word, "right") ? &kRight : nullptr;
}

class ListMove final : public Attempts {
 public:
  ListMove(protocol::Argv argv, const End& from, const End& to, int protocol)
      : source_(argv[1]), destination_(argv[2]), from_(from), to_(to), protocol_(protocol) {}

  void attempt(Plan& plan) override {
    step_ = Step::Look;
    foundNothing_ = false;
    error_.clear();
    askOwner(plan, source_, {"EVAL", kLook, "1", source_, from_.index}, false);
    addPart(plan, protocol::slotOf(destination_), {"TYPE", destination_});
    plan.reads = plan.fromMasters = true;
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    const std::string_view reply = parts.front().bytes;
    switch (step_) {
      case Step::Look: return look(parts, plan);
      case Step::Push: return !fails(reply) && pop(plan);
      case Step::Pop: return judge(reply, plan);
      case Step::Undo: return error_.empty() && goAround(plan);
      case Step::Done: return false;
    }
    return false;
  }
  bool isLastStage() const override { return false; }
  bool foundNothing() const override { return foundNothing_; }
  std::vector<std::string_view> watchedKeys() const override { return {source_}; }

  bool compose(std::span<const PartReply>, std::string& out) override {
    if (!error_.empty()) {
      out += error_;
      return false;
    }
    if (step_ == Step::Done) {
      protocol::appendBulk(out, element_);
    } else {
      protocol::appendNull(out, protocol_);
    }
    return true;
  }

 private:
  enum class Step : std::uint8_t { Look, Push, Pop, Undo, Done };

  bool fails(std::string_view reply) {
    if (isErrorReply(reply)) error_ = reply;
    return !error_.empty();
  }

  // A source that is not there is nil, whatever is at the destination.
  bool look(std::span<const PartReply> parts, Plan& plan) {
    if (fails(parts.front().bytes)) return false;
    const auto element = isNullReply(parts.front().bytes) ? std::nullopt : textOf(parts.front().bytes);
    if (!element) {
      foundNothing_ = true;
      return false;
    }
    if (fails(parts.back().bytes)) return false;
    const auto type = textOf(parts.back().bytes);
    if (type != "list" && type != "none") {
      // Also where a request was given up before it was sent.
      foundNothing_ = !type;
      if (type) error_ = kNoList;
      return false;
    }
    element_ = *element;
    step_ = Step::Push;
    askOwner(plan, destination_, {to_.push, destination_, element_}, true);
    return true;
  }

  bool pop(Plan& plan) {
    step_ = Step::Pop;
    askOwner(plan, source_, {"EVAL", kPop, "1", source_, element_, from_.index, from_.pop}, true);
    return true;
  }

  // Where nobody knows whether it was popped it stays at its destination: rather twice than never.
  bool judge(std::string_view reply, Plan& plan) {
    if (integerOf(reply) == 1) {
      step_ = Step::Done;
      return false;
    }
    if (fails(reply) && reply.starts_with("-AMBIGUOUS")) return false;
    step_ = Step::Undo;
    askOwner(plan, destination_, {"LREM", destination_, to_.firstFound, element_}, true);
    return true;
  }

  bool goAround(Plan& plan) {
    if (++rounds_ == kMostRounds) {
      error_ = kBusy;
      return false;
    }
    attempt(plan);
    return true;
  }

  const std::string source_;
  const std::string destination_;
  const End& from_;
  const End& to_;
  const int protocol_;
  Step step_ = Step::Look;
  int rounds_ = 0;
  bool foundNothing_ = false;
  std::string element_;
  std::string error_;
};

}  // namespace

std::unique_ptr<Attempts> makeListMove(protocol::Argv argv, int protocol) {
  // LMOVE and BLMOVE name the ends; the others have fixed ones.
  const bool named = argv.size() >= 5;
  const End* from = named ? endNamed(argv[3]) : &kRight;
  const End* to = named ? endNamed(argv[4]) : &kLeft;
  if (from == nullptr || to == nullptr) return nullptr;
  return std::make_unique<ListMove>(argv, *from, *to, protocol);
}

}  // namespace slotless::routing
